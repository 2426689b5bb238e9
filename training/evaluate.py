"""What a trained model is worth: the test set as stored, and as a client may send it.

Rounded and noisy copies stand beside the stored series because a data set's classes may differ in how
finely they were stored, and a model that has learnt that fails in use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.augment import z_units
from training.data import Dataset

# Standard deviation of the added noise, in those of the series.
NOISE = 0.05
NOISE_SEED = 0

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Leak:
    """How well the number of distinct values of a series tells two classes apart, with no model at all.

    Attributes:
        stored: test accuracy of the best threshold found on the training series, as a fraction.
        rounded: the same, on series rounded to 2 decimals.
        ranges: label to the smallest and largest number of distinct values, as stored.
    """

    stored: float
    rounded: float
    ranges: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's results on the test series.

    Attributes:
        accuracies: name of a view of the test set (see `views`) to accuracy.
        loss: mean cross-entropy as stored, in nats.
        confusion: `int64[classes, classes]`, rows are true classes, as stored.
        probabilities: `float32[n, classes]`, as stored.
        leak: for two classes; None where there are more.
    """

    accuracies: dict[str, float]
    loss: float
    confusion: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    leak: Leak | None


def evaluate(predict: Predict, dataset: Dataset) -> Evaluation:
    """Evaluate on all views of the test set.

    Args:
        predict: `float32[n, length]` to probabilities `float32[n, classes]`.
        dataset: its test series are evaluated; its training series only set the leak's threshold.
    """
    targets = dataset.test_targets
    answers = {name: predict(series) for name, series in views(dataset.test).items()}
    stored = answers["stored"]
    confusion = np.zeros((len(dataset.labels),) * 2, dtype=np.int64)
    np.add.at(confusion, (targets, stored.argmax(axis=1)), 1)
    likelihood = np.maximum(stored[np.arange(len(targets)), targets], np.finfo(np.float32).tiny)
    return Evaluation(
        accuracies={name: float(np.mean(p.argmax(axis=1) == targets)) for name, p in answers.items()},
        loss=float(-np.log(likelihood).mean()),
        confusion=confusion,
        probabilities=stored,
        leak=measure_leak(dataset) if len(dataset.labels) == 2 else None,
    )


def views(series: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    """The series as stored, rounded to 3, 2 and 1 decimals, and with noise; all `float32[n, length]`."""
    units = z_units(series)
    noise = np.random.default_rng(NOISE_SEED).normal(0, NOISE, units.shape)
    return {
        "stored": series.astype(np.float32),
        "rounded_3": np.round(units, 3).astype(np.float32),
        "rounded_2": np.round(units, 2).astype(np.float32),
        "rounded_1": np.round(units, 1).astype(np.float32),
        "noise": (units + noise).astype(np.float32),
    }


def measure_leak(dataset: Dataset) -> Leak:
    """Classify by the count of distinct values alone, as stored and rounded to 2 decimals."""
    train, test = z_units(dataset.train), z_units(dataset.test)
    stored = _threshold_accuracy(train, dataset.train_targets, test, dataset.test_targets)
    rounded = _threshold_accuracy(
        np.round(train, 2), dataset.train_targets, np.round(test, 2), dataset.test_targets
    )
    counts = np.concatenate([distinct_values(train), distinct_values(test)])
    targets = np.concatenate([dataset.train_targets, dataset.test_targets])
    ranges = {
        label: (int(counts[targets == i].min()), int(counts[targets == i].max()))
        for i, label in enumerate(dataset.labels)
        if np.any(targets == i)
    }
    return Leak(stored=stored, rounded=rounded, ranges=ranges)


def distinct_values(series: NDArray[np.float64]) -> NDArray[np.int64]:
    """The number of distinct values of each series, `int64[n]`."""
    counts: NDArray[np.int64] = 1 + np.count_nonzero(np.diff(np.sort(series, axis=1), axis=1), axis=1)
    return counts


def _threshold_accuracy(
    train: NDArray[np.float64],
    train_targets: NDArray[np.int64],
    test: NDArray[np.float64],
    test_targets: NDArray[np.int64],
) -> float:
    """Test accuracy of the threshold, and the side of it, that are best in training."""
    counts = distinct_values(train)
    thresholds = np.unique(counts)
    above = counts[:, np.newaxis] >= thresholds
    right = (above == (train_targets[:, np.newaxis] == 1)).mean(axis=0)
    best = int(np.argmax(np.abs(right - 0.5)))
    answers = (distinct_values(test) >= thresholds[best]) == (right[best] >= 0.5)
    return float(np.mean(answers == (test_targets == 1)))
