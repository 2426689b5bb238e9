"""How unlike the training data a series is: the distance of its spectrum from theirs.

A Mahalanobis distance with a shrunk covariance (Ledoit and Wolf, "A well-conditioned estimator for
large-dimensional covariance matrices", 2004). A classifier's own confidence would not do: it is highest far
away from everything it knows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

# Keeps the logarithm finite for a spectrum that equals the mean.
LEAST_SQUARE = 1e-6


@dataclass(frozen=True, slots=True)
class Novelty:
    """A measure of distance from a cloud of spectra.

    Attributes:
        kernel: `float32[bins, bins]`, takes a spectrum to coordinates of unit variance.
        bias: `float32[bins]`, moves the mean to 0.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    def score(self, spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        """Half the logarithm of the mean squared coordinate, `float32[n]`; what the graph computes, too."""
        square = np.mean(np.square(spectra @ self.kernel + self.bias), axis=1)
        return np.asarray(0.5 * np.log(square + LEAST_SQUARE), dtype=np.float32)


def fit_novelty(spectra: NDArray[np.float32]) -> Novelty:
    """Fit to the spectra `float32[n, bins]` of series in all precisions that are to count as known."""
    scale = spectra.std(axis=0, dtype=np.float64) + 1e-3
    estimate = LedoitWolf().fit(spectra / scale)
    values, vectors = np.linalg.eigh(estimate.covariance_)
    # Directions in which nothing varies at all would otherwise be divided by nothing.
    spread = np.sqrt(np.maximum(values, 1e-3 * values.max()))
    whiten = vectors / spread
    return Novelty(
        kernel=(whiten / scale[:, np.newaxis]).astype(np.float32),
        bias=-(estimate.location_ @ whiten).astype(np.float32),
    )
