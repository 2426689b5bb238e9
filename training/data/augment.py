"""The training series of each epoch, for models of stretches of time: shuffled, mixed, roughened.

They follow from the seed and the epoch alone. Models of spectra are fitted to
`training.fit.distillation.Distillation`.

Nothing is carried from one epoch to the next, so a run that was killed continues with exactly the series
that it would have seen. Plain numpy; no runtime.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig

DECIMALS = 2
# A very small data set is not gone through more often than this in one epoch.
MOST_TIMES = 20
# Standard deviations of added noise, in those of the series: from that of rounding to 2 decimals upwards.
NOISE_RANGE = (0.003, 0.1)


@dataclass(frozen=True, slots=True)
class LabelledSeries:
    """Series to fit to their labels.

    Attributes:
        series: `float64[n, length]` in `z_units`.
        targets: `float64[n, classes]`, one-hot.
        config: gives the seed and the shares of mixed, rounded and noisy series.
    """

    series: NDArray[np.float64]
    targets: NDArray[np.float64]
    config: TrainingConfig

    @property
    def rows(self) -> int:
        """Series an epoch: all of them, as often as it takes to reach the configured size, within limits."""
        return len(self.series) * min(MOST_TIMES, math.ceil(self.config.epoch_size / len(self.series)))

    def epoch(self, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What one epoch is fitted to: `float32[rows, length, 1]` and `float32[rows, classes]`, shuffled.

        Two series of random phase add up in power, so a series mixed with weights `sqrt(1 - w)` and `sqrt(w)`
        has a power spectrum between those of its parents, and gets a target between theirs.

        Args:
            epoch: counted from 0.
        """
        series, targets, config = self.series, self.targets, self.config
        random = np.random.default_rng([config.seed, 1 + epoch])
        count = self.rows
        order, partners = (
            np.concatenate([random.permutation(len(series)) for _ in range(count // len(series))])
            for _ in range(2)
        )
        mixed = random.random(count) < config.mixing
        weight = np.where(mixed, random.uniform(0, 0.5, count), 0.0)[:, np.newaxis]
        fitted = np.sqrt(1 - weight) * series[order] + np.sqrt(weight) * series[partners]
        wanted = (1 - weight) * targets[order] + weight * targets[partners]
        noisy = random.random((count, 1)) < config.noise
        deviation = np.exp(random.uniform(math.log(NOISE_RANGE[0]), math.log(NOISE_RANGE[1]), (count, 1)))
        fitted += noisy * deviation * random.standard_normal(fitted.shape)
        rounded = random.random(count) < config.rounding
        fitted[rounded] = np.round(fitted[rounded], DECIMALS)
        return fitted[..., np.newaxis].astype(np.float32), wanted.astype(np.float32)
