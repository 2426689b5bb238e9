"""Rounding leak: how well the precision of the stored values alone predicts the class, without a model.

If the classes of a data set were stored with different precision, counting distinct values predicts the
class, and a model that has learnt this fails in use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.normalise import z_normalised
from training.data.ucr import Dataset


@dataclass(frozen=True, slots=True)
class RoundingLeak:
    """How well the number of distinct values of a series predicts one of two classes, without a model.

    Attributes:
        stored: test accuracy of the threshold that is best on the training series, as a fraction.
        rounded: the same, on series rounded to 2 decimals.
        ranges: label to the smallest and largest number of distinct values, as stored.
    """

    stored: float
    rounded: float
    ranges: dict[str, tuple[int, int]]


def measure_rounding_leak(dataset: Dataset) -> RoundingLeak:
    """Classify by the number of distinct values alone, as stored and rounded to 2 decimals."""
    train, test = z_normalised(dataset.train), z_normalised(dataset.test)
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
    return RoundingLeak(stored=stored, rounded=rounded, ranges=ranges)


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
    """Test accuracy of the threshold and direction that are best on the training series."""
    counts = distinct_values(train)
    thresholds = np.unique(counts)
    above = counts[:, np.newaxis] >= thresholds
    correct = (above == (train_targets[:, np.newaxis] == 1)).mean(axis=0)
    best = int(np.argmax(np.abs(correct - 0.5)))
    predicted = (distinct_values(test) >= thresholds[best]) == (correct[best] >= 0.5)
    return float(np.mean(predicted == (test_targets == 1)))
