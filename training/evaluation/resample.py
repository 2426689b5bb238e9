"""The archive's usual protocol: accuracy over stratified resamples of the training and test series together.

A single split may favour a model by chance. A resample has the sizes and class counts of the original parts;
the original split itself is not one of the resamples.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from training.config import TrainingConfig
from training.data.normalise import z_normalised
from training.data.ucr import Dataset
from training.fit.cross_validation import Progress, fit_all
from training.fit.inputs import FitInputs, expected_views
from training.model.outputs import outputs_of

VIEWS = ("stored", "rounded_2")


def resample(dataset: Dataset, number: int) -> Dataset:
    """A stratified resample of a data set; it depends on `number` alone."""
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
    dataset: Dataset, config: TrainingConfig, *, folder: Path, fingerprint: dict[str, Any], progress: Progress
) -> list[dict[str, float]]:
    """Fit to each resample with the same settings, without calibration; test accuracies by view."""
    results = []
    for number in range(1, config.resamples + 1):
        progress.log(f"resample {number} of {config.resamples}")
        drawn = resample(dataset, number)
        fit_inputs = FitInputs(drawn, config)
        fit_folder = folder / f"resample-{number}"
        model = fit_all(fit_inputs, folder=fit_folder, fingerprint=fingerprint, progress=progress).model
        views = zip(VIEWS, expected_views(z_normalised(drawn.test)), strict=True)
        answers = {name: outputs_of(model, fit_inputs.model_inputs(view)) for name, view in views}
        results.append(
            {name: float(np.mean(a.argmax(axis=1) == drawn.test_targets)) for name, a in answers.items()}
        )
        progress.log(", ".join(f"{name} {value:.2%}" for name, value in results[-1].items()))
    return results
