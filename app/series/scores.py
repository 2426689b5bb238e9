"""Accuracy with a confidence interval, and calibration, from labelled series."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
# The normal distribution's quantile for 95 %.
_Z = 1.96


def accuracy(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """Fraction of series whose most probable class is the true one.

    Args:
        probabilities: `float[n, classes]`, n of at least 1.
        targets: `int64[n]`.
    """
    return float(np.mean(probabilities.argmax(axis=1) == targets))


def interval(share: float, count: int) -> tuple[float, float]:
    """The 95 % confidence interval of a fraction observed in `count` series.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    # The fractions 0 and 1 are ends of their interval, except for rounding.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


@dataclass(frozen=True, slots=True)
class Reliability:
    """Series grouped by the probability of the predicted class; empty bins are left out.

    Attributes:
        confidence: `float64[k]`, mean of that probability in each bin, ascending.
        accuracy: `float64[k]`, share of the bin's series whose class it is.
        share: `float64[k]`, of all series; sums to 1.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    share: NDArray[np.float64]

    @property
    def expected_error(self) -> float:
        """Mean gap between confidence and accuracy over all series, as a fraction."""
        return float(np.sum(self.share * np.abs(self.confidence - self.accuracy)))


def reliability(
    probabilities: NDArray[np.floating], targets: NDArray[np.int64], *, bins: int = BINS
) -> Reliability:
    """Group series by confidence into bins of equal width.

    Args:
        probabilities: `float[n, classes]`, n of at least 1.
        targets: `int64[n]`.
        bins: how many; a confidence on the border of two bins belongs to the lower one.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == targets
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    members = [index == number for number in np.unique(index)]
    return Reliability(
        confidence=np.array([confidence[chosen].mean() for chosen in members]),
        accuracy=np.array([right[chosen].mean() for chosen in members]),
        share=np.array([chosen.mean() for chosen in members]),
    )


def expected_calibration_error(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """The expected calibration error with 15 bins, as a fraction.

    Guo et al., "On Calibration of Modern Neural Networks", 2017 (arXiv 1706.04599), equation 3.
    """
    return reliability(probabilities, targets).expected_error
