"""The teacher: support vector machines (SVMs) on spectra, one for each precision of the series.

A small network fitted to labels alone over-fits 3,601 series. Fitted to the outputs of a kernel SVM on
mixtures of them, it is nearly as accurate as the SVM (Hinton et al., "Distilling the Knowledge in a Neural
Network", arXiv 1503.02531). One SVM for all precisions is worse than one for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.svm import SVC

PENALTY = 10.0
# The kernel's gamma times the number of bins: half of scikit-learn's "scale" on standardised inputs.
WIDTH = 0.5
BLOCK_SIZE = 4096


@dataclass(frozen=True, slots=True)
class KernelSvm:
    """One fitted SVM a class (a single one for two classes), with shared standardisation."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    gamma: float
    vectors: tuple[NDArray[np.float32], ...]
    weights: tuple[NDArray[np.float32], ...]
    offsets: tuple[float, ...]

    def decide(self, spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        """Decision values `float32[n, classes]` of spectra `float32[n, width]`, 1 at a class's margin.

        The same sum as scikit-learn's, as matrix products: scikit-learn takes minutes on one core.
        """
        parts = [
            np.stack([self._decide(block, i) for i in range(len(self.vectors))], axis=1)
            # A precision's share of a short epoch can be empty.
            for block in np.array_split(spectra, max(1, -(-len(spectra) // BLOCK_SIZE)))
        ]
        values: NDArray[np.float32] = np.concatenate(parts)
        return np.concatenate([-values, values], axis=1) if len(self.vectors) == 1 else values

    def _decide(self, spectra: NDArray[np.float32], index: int) -> NDArray[np.float32]:
        x, vectors = (spectra - self.mean) / self.deviation, self.vectors[index]
        squared = (x**2).sum(1)[:, None] + (vectors**2).sum(1)[None, :] - 2 * (x @ vectors.T)
        kernel = np.exp(-self.gamma * np.maximum(squared, 0))
        return np.asarray(kernel @ self.weights[index] + self.offsets[index], dtype=np.float32)


def fit_svm(spectra: NDArray[np.float32], targets: NDArray[np.int64], *, classes: int) -> KernelSvm:
    """Fit to spectra `float32[n, width]` and targets `int64[n]`; one-vs-rest for more than two classes."""
    mean, deviation = spectra.mean(axis=0), spectra.std(axis=0) + 1e-6
    x = (spectra - mean) / deviation
    gamma = WIDTH / x.shape[1]
    positives = [1] if classes == 2 else range(classes)
    parts = [_fit_binary(x, targets == target, gamma) for target in positives]
    vectors, weights, offsets = zip(*parts, strict=True)
    return KernelSvm(mean, deviation, gamma, vectors=vectors, weights=weights, offsets=offsets)


def _fit_binary(
    x: NDArray[np.float32], members: NDArray[np.bool_], gamma: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Support vectors, their weights, and the offset; a constant decision where there is only one class.

    A class with a single series is absent when that series' fold is held out.
    """
    if members.all() or not members.any():
        return x[:0], np.empty(0, np.float32), 1.0 if members.all() else -1.0
    svm = SVC(C=PENALTY, gamma=gamma, cache_size=2000).fit(x, members)
    vectors, weights = svm.support_vectors_, svm.dual_coef_[0]
    return vectors.astype(np.float32), weights.astype(np.float32), float(svm.intercept_[0])


def soft_targets(decisions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Target probabilities `float32[n, classes]`: the softmax of decision values.

    With two classes this is the logistic function of twice the SVM's decision value.
    """
    return np.asarray(softmax(decisions, axis=1))
