"""Whether a data set has enough series for a run, told before training. Plain numpy; no runtime."""

from __future__ import annotations

import dataclasses

import numpy as np

from training.config import TrainingConfig
from training.data.split import split
from training.data.ucr import Dataset
from training.errors import DataError


def limited(dataset: Dataset, config: TrainingConfig) -> Dataset:
    """The data set with no more training series than wanted."""
    if config.limit is None or config.limit >= len(dataset.train):
        return dataset
    kept = np.random.default_rng(config.seed).permutation(len(dataset.train))[: config.limit]
    return dataclasses.replace(dataset, train=dataset.train[kept], train_targets=dataset.train_targets[kept])


def check_enough(dataset: Dataset, config: TrainingConfig) -> None:
    """Refuse a data set of which a run would have a part without series.

    Raises:
        DataError: names the training file, the number of its series and the option that does not go with it.
    """
    targets = limited(dataset, config).train_targets
    count = len(targets)
    cut = f" (--limit {config.limit})" if count < len(dataset.train) else ""
    series = f"{next(iter(dataset.sha256))}: {count} training series{cut}"
    if len(np.unique(targets)) < 2:
        raise DataError(f"{series}: all of one class; raise --limit")
    if config.folds > count:
        raise DataError(
            f"{series} are fewer than --folds {config.folds}; give more series, or --folds {count} or fewer"
        )
    if config.folds == 0 and not len(
        split(targets, fraction=config.validation_fraction, seed=config.seed)[1]
    ):
        raise DataError(
            f"{series}: --validation-fraction {config.validation_fraction:g} holds out none of them; "
            "raise it, or give more series of each class"
        )
