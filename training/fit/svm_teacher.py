"""The teacher: support vector machines on spectra, one for each precision in which series may come.

A small network fitted to labels alone over-fits 3,601 series; fitted to what a kernel machine answers on
endless mixtures of them, it comes close to that machine (Hinton et al., "Distilling the Knowledge in a Neural
Network", arXiv 1503.02531). One machine for all precisions is worse than one for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.svm import SVC

PENALTY = 10.0
# The kernel's gamma, times the number of bins: half of scikit-learn's "scale" on standardised inputs.
WIDTH = 0.5
ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class KernelSvm:
    """One fitted machine a class (a single one for two classes), sharing one standardisation."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    gamma: float
    vectors: tuple[NDArray[np.float32], ...]
    weights: tuple[NDArray[np.float32], ...]
    offsets: tuple[float, ...]

    def decide(self, spectra: NDArray[np.float32]) -> NDArray[np.float32]:
        """Decision values `float32[n, classes]` of spectra `float32[n, width]`, 1 at a class's margin.

        scikit-learn's own would take one core and minutes: this is the same sum as matrix products.
        """
        parts = [
            np.stack([self._decide(rows, i) for i in range(len(self.vectors))], axis=1)
            # Of a short epoch, a domain's share may be no row at all.
            for rows in np.array_split(spectra, max(1, -(-len(spectra) // ROWS_AT_ONCE)))
        ]
        values: NDArray[np.float32] = np.concatenate(parts)
        return np.concatenate([-values, values], axis=1) if len(self.vectors) == 1 else values

    def _decide(self, spectra: NDArray[np.float32], index: int) -> NDArray[np.float32]:
        x, vectors = (spectra - self.mean) / self.deviation, self.vectors[index]
        squared = (x**2).sum(1)[:, None] + (vectors**2).sum(1)[None, :] - 2 * (x @ vectors.T)
        kernel = np.exp(-self.gamma * np.maximum(squared, 0))
        return np.asarray(kernel @ self.weights[index] + self.offsets[index], dtype=np.float32)


def fit_machine(spectra: NDArray[np.float32], targets: NDArray[np.int64], *, classes: int) -> KernelSvm:
    """Fit to spectra `float32[n, width]` and targets `int64[n]`; of many classes, one against the rest."""
    mean, deviation = spectra.mean(axis=0), spectra.std(axis=0) + 1e-6
    x = (spectra - mean) / deviation
    gamma = WIDTH / x.shape[1]
    wanted = [1] if classes == 2 else range(classes)
    machines = [_separate(x, targets == target, gamma) for target in wanted]
    vectors, weights, offsets = zip(*machines, strict=True)
    return KernelSvm(mean, deviation, gamma, vectors=vectors, weights=weights, offsets=offsets)


def _separate(
    x: NDArray[np.float32], members: NDArray[np.bool_], gamma: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Support vectors, their weights, and the offset; a constant where all series are of one side.

    A class of one series is missing from the fit to all but that series' fold.
    """
    if members.all() or not members.any():
        return x[:0], np.empty(0, np.float32), 1.0 if members.all() else -1.0
    machine = SVC(C=PENALTY, gamma=gamma, cache_size=2000).fit(x, members)
    vectors, weights = machine.support_vectors_, machine.dual_coef_[0]
    return vectors.astype(np.float32), weights.astype(np.float32), float(machine.intercept_[0])


def soft_targets(decisions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities to teach, `float32[n, classes]`: the softmax of decision values.

    With two classes this is the logistic function of twice the machine's decision value.
    """
    return np.asarray(softmax(decisions, axis=1))
