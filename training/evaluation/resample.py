"""The archive's usual protocol: accuracy over stratified resamples of train and test put together.

One split may be kind to a model. A resample has the sizes of the original parts and their numbers of each
class; the original split itself is not among them.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from training.config import TrainingConfig
from training.data.ucr import Dataset
from training.data.units import z_units
from training.fit.cross_validation import Progress, fit_all
from training.fit.inputs import FitInputs, known_views
from training.model.outputs import outputs_of

VIEWS = ("stored", "rounded_2")


def resample(dataset: Dataset, number: int) -> Dataset:
    """A stratified resample of a data set, decided by its number alone."""
    random = np.random.default_rng([number, 3])
    series = np.concatenate([dataset.train, dataset.test])
    targets = np.concatenate([dataset.train_targets, dataset.test_targets])
    parts: tuple[list[int], list[int]] = ([], [])
    for target in np.unique(targets):
        members = random.permutation(np.flatnonzero(targets == target))
        count = int(np.sum(dataset.train_targets == target))
        parts[0].extend(members[:count])
        parts[1].extend(members[count:])
    train, test = (random.permutation(part) for part in parts)
    return dataclasses.replace(
        dataset,
        train=series[train],
        train_targets=targets[train],
        test=series[test],
        test_targets=targets[test],
    )


def resampled_accuracies(
    dataset: Dataset, config: TrainingConfig, *, folder: Path, course: dict[str, Any], progress: Progress
) -> list[dict[str, float]]:
    """Fit to each resample, with the same settings and without calibration; test accuracies by view."""
    results = []
    for number in range(1, config.resamples + 1):
        progress.say(f"resample {number} of {config.resamples}")
        drawn = resample(dataset, number)
        material = FitInputs(drawn, config)
        home = folder / f"resample-{number}"
        model = fit_all(material, folder=home, course=course, progress=progress).model
        views = zip(VIEWS, known_views(z_units(drawn.test)), strict=True)
        answers = {name: outputs_of(model, material.inputs(view)) for name, view in views}
        results.append(
            {name: float(np.mean(a.argmax(axis=1) == drawn.test_targets)) for name, a in answers.items()}
        )
        progress.say(", ".join(f"{name} {value:.2%}" for name, value in results[-1].items()))
    return results
