"""Check before training that a data set has enough series for a run. Plain numpy; no runtime."""

from __future__ import annotations

import dataclasses

import numpy as np

from training.config import TrainingConfig
from training.data.split import split
from training.data.ucr import Dataset
from training.errors import DataError


def limit_dataset(dataset: Dataset, config: TrainingConfig) -> Dataset:
    """The data set with at most `config.limit` training series."""
    if config.limit is None or config.limit >= len(dataset.train):
        return dataset
    chosen = np.random.default_rng(config.seed).permutation(len(dataset.train))[: config.limit]
    return dataclasses.replace(
        dataset,
        train=dataset.train[chosen],
        train_targets=dataset.train_targets[chosen],
        train_rows=chosen,
    )


def check_dataset_size(dataset: Dataset, config: TrainingConfig) -> None:
    """Refuse a data set that would leave a fold, a class or the held-out part without series.

    Raises:
        DataError: names the training file, the number of its series and the option to change.
    """
    targets = limit_dataset(dataset, config).train_targets
    count = len(targets)
    limit_note = f" (--limit {config.limit})" if count < len(dataset.train) else ""
    series = f"{next(iter(dataset.sha256))}: {count} training series{limit_note}"
    if len(np.unique(targets)) < 2:
        raise DataError(f"{series}: all have the same label; raise --limit")
    if config.folds > count:
        raise DataError(
            f"{series} are fewer than --folds {config.folds}; add series, or set --folds to {count} or less"
        )
    if config.folds == 0 and not len(
        split(targets, fraction=config.validation_fraction, seed=config.seed)[1]
    ):
        raise DataError(
            f"{series}: --validation-fraction {config.validation_fraction:g} holds out none of them; "
            "raise it, or add series of each class"
        )
