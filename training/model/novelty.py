"""The novelty (out-of-distribution) score: the distance of a spectrum from the training spectra.

A Mahalanobis distance with a shrunk covariance (Ledoit and Wolf, "A well-conditioned estimator for
large-dimensional covariance matrices", 2004). The classifier's confidence is no
alternative: it is highest far away from the training data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

# Keeps the logarithm finite for a spectrum equal to the mean.
LEAST_SQUARE = 1e-6


@dataclass(frozen=True, slots=True)
class Novelty:
    """A fitted novelty score.

    Attributes:
        kernel: `float32[bins, bins]`, whitens a spectrum: coordinates with unit variance.
        bias: `float32[bins]`, moves the mean to 0.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    def score(self, spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        """Half the logarithm of the mean squared coordinate, `float32[n]`; as in the sealed graph."""
        square = np.mean(np.square(spectra @ self.kernel + self.bias), axis=1)
        return np.asarray(0.5 * np.log(square + LEAST_SQUARE), dtype=np.float32)


def fit_novelty(spectra: NDArray[np.float32]) -> Novelty:
    """Fit to the spectra `float32[n, bins]` of in-distribution series in all precisions."""
    scale = spectra.std(axis=0, dtype=np.float64) + 1e-3
    estimate = LedoitWolf().fit(spectra / scale)
    values, vectors = np.linalg.eigh(estimate.covariance_)
    # Avoids a division by 0 in directions without variance.
    spread = np.sqrt(np.maximum(values, 1e-3 * values.max()))
    whiten = vectors / spread
    return Novelty(
        kernel=(whiten / scale[:, np.newaxis]).astype(np.float32),
        bias=-(estimate.location_ @ whiten).astype(np.float32),
    )
