"""Training data of models on spectra: mixtures of training spectra, with the teacher's probabilities.

An epoch depends on the seed and its number alone, so a killed run continues with exactly the same data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.fit.svm_teacher import KernelSvm, fit_svm, soft_targets


@dataclass(frozen=True, slots=True)
class PrecisionSpectra:
    """Spectra `float32[copies, n, width]` of the training series in one precision; its share of an epoch."""

    share: float
    spectra: NDArray[np.float32]

    def subset(self, indices: NDArray[np.int64]) -> PrecisionSpectra:
        """The spectra of some of the series."""
        return PrecisionSpectra(self.share, self.spectra[:, indices])


class Distillation:
    """Spectra of the series to fit, by precision, and an SVM for each as teacher; without a teacher, labels.

    Args:
        precisions: of `PrecisionSpectra.subset`.
        targets: `int64[n]`, of the same series.
        classes: number of classes.
        config: names the teacher, the mixing and the seed.
    """

    def __init__(
        self,
        precisions: Sequence[PrecisionSpectra],
        targets: NDArray[np.int64],
        *,
        classes: int,
        config: TrainingConfig,
    ) -> None:
        self.precisions = precisions
        self.targets = targets
        self.classes = classes
        self.config = config

    @cached_property
    def svms(self) -> list[KernelSvm]:
        """The teacher: an SVM for each precision, fitted on first use."""
        return [
            fit_svm(
                np.concatenate(precision.spectra),
                np.tile(self.targets, len(precision.spectra)),
                classes=self.classes,
            )
            for precision in self.precisions
        ]

    @property
    def size(self) -> int:
        """Number of spectra in an epoch."""
        return max(len(self.targets), self.config.epoch_size)

    def epoch(self, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Spectra `float32[size, width]` and target probabilities `float32[size, classes]`, shuffled.

        Args:
            epoch: counted from 0.
        """
        random = np.random.default_rng([self.config.seed, 1 + epoch])
        counts = np.diff(np.round(np.cumsum([0.0, *(d.share for d in self.precisions)]) * self.size)).astype(
            int
        )
        parts = [self._mix(i, int(count), random) for i, count in enumerate(counts)]
        order = random.permutation(self.size)
        spectra, targets = (np.concatenate(column)[order] for column in zip(*parts, strict=True))
        return spectra, targets

    def _mix(
        self, index: int, count: int, random: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        spectra = self.precisions[index].spectra
        copies, series, _ = spectra.shape
        one, other = (
            (random.integers(copies, size=count), random.integers(series, size=count)) for _ in range(2)
        )
        mixed = random.random(count) < self.config.mixing
        weight = np.where(mixed, random.uniform(0, 0.5, count), 0.0).astype(np.float32)[:, np.newaxis]
        x = (1 - weight) * spectra[one] + weight * spectra[other]
        if self.config.teacher == "svm":
            return x, soft_targets(self.svms[index].decide(x))
        labels = np.eye(self.classes, dtype=np.float32)[self.targets]
        return x, (1 - weight) * labels[one[1]] + weight * labels[other[1]]
