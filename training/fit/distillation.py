"""What a model on spectra is fitted to: mixtures of training spectra, with what the teacher says of them.

An epoch is made from the seed and its number alone, so a run that was killed continues with exactly the
lessons that it would have had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.fit.svm_teacher import KernelSvm, fit_machine, soft_targets


@dataclass(frozen=True, slots=True)
class SpectralDomain:
    """The spectra `float32[copies, n, width]` of a domain's copies, and its share of an epoch."""

    share: float
    spectra: NDArray[np.float32]

    def rows(self, indices: NDArray[np.int64]) -> SpectralDomain:
        """The same of some of the series."""
        return SpectralDomain(self.share, self.spectra[:, indices])


class Distillation:
    """Spectra of series to fit, by domain, and a machine for each to teach them; or the labels teach.

    Args:
        domains: of `SpectralDomain.rows`.
        targets: `int64[n]`, of the same series.
        classes: number of classes.
        config: names the teacher, the mixing and the seed.
    """

    def __init__(
        self,
        domains: Sequence[SpectralDomain],
        targets: NDArray[np.int64],
        *,
        classes: int,
        config: TrainingConfig,
    ) -> None:
        self.domains = domains
        self.targets = targets
        self.classes = classes
        self.config = config

    @cached_property
    def machines(self) -> list[KernelSvm]:
        """The teacher: a machine for each domain, fitted when the first lesson is made."""
        return [
            fit_machine(
                np.concatenate(domain.spectra),
                np.tile(self.targets, len(domain.spectra)),
                classes=self.classes,
            )
            for domain in self.domains
        ]

    @property
    def rows(self) -> int:
        """Number of training rows in an epoch."""
        return max(len(self.targets), self.config.epoch_size)

    def epoch(self, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Spectra `float32[rows, width]` and probabilities to teach `float32[rows, classes]`, shuffled.

        Args:
            epoch: counted from 0.
        """
        random = np.random.default_rng([self.config.seed, 1 + epoch])
        counts = np.diff(np.round(np.cumsum([0.0, *(d.share for d in self.domains)]) * self.rows)).astype(int)
        parts = [self._mix(i, int(count), random) for i, count in enumerate(counts)]
        order = random.permutation(self.rows)
        spectra, wanted = (np.concatenate(column)[order] for column in zip(*parts, strict=True))
        return spectra, wanted

    def _mix(
        self, index: int, count: int, random: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        spectra = self.domains[index].spectra
        copies, series, _ = spectra.shape
        one, other = (
            (random.integers(copies, size=count), random.integers(series, size=count)) for _ in range(2)
        )
        mixed = random.random(count) < self.config.mixing
        weight = np.where(mixed, random.uniform(0, 0.5, count), 0.0).astype(np.float32)[:, np.newaxis]
        x = (1 - weight) * spectra[one] + weight * spectra[other]
        if self.config.teacher == "svm":
            return x, soft_targets(self.machines[index].decide(x))
        labels = np.eye(self.classes, dtype=np.float32)[self.targets]
        return x, (1 - weight) * labels[one[1]] + weight * labels[other[1]]
