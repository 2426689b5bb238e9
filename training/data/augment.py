"""Training data of models with time tokens: labelled series, shuffled, mixed, rounded, with noise added.

An epoch depends on the seed and its number alone, so a killed run continues with exactly the same series.
Models with spectrum tokens are fitted to `training.fit.distillation.Distillation`. Plain numpy; no runtime.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig

DECIMALS = 2
# Limit on how often one epoch repeats a very small data set.
MAX_REPEATS = 20
# Standard deviations of added noise, relative to that of the series;
# the smallest is that of rounding to 2 decimals.
NOISE_RANGE = (0.003, 0.1)


@dataclass(frozen=True, slots=True)
class LabelledSeries:
    """Series to fit to their labels.

    Attributes:
        series: `float64[n, length]`, of `z_normalised`.
        targets: `float64[n, classes]`, one-hot.
        config: sets the seed and the fractions of mixed, rounded and noisy series.
    """

    series: NDArray[np.float64]
    targets: NDArray[np.float64]
    config: TrainingConfig

    @property
    def size(self) -> int:
        """Series in an epoch: all, repeated until `epoch_size` is reached, at most `MAX_REPEATS` times."""
        return len(self.series) * min(MAX_REPEATS, math.ceil(self.config.epoch_size / len(self.series)))

    def epoch(self, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Series `float32[size, length, 1]` and target probabilities `float32[size, classes]`, shuffled.

        Two series of random phase add up in power, so a series mixed with weights `sqrt(1 - w)` and `sqrt(w)`
        has a power spectrum between those of the two, and gets a target between theirs.

        Args:
            epoch: counted from 0.
        """
        series, targets, config = self.series, self.targets, self.config
        random = np.random.default_rng([config.seed, 1 + epoch])
        count = self.size
        order, partners = (
            np.concatenate([random.permutation(len(series)) for _ in range(count // len(series))])
            for _ in range(2)
        )
        mixed = random.random(count) < config.mixing
        weight = np.where(mixed, random.uniform(0, 0.5, count), 0.0)[:, np.newaxis]
        inputs = np.sqrt(1 - weight) * series[order] + np.sqrt(weight) * series[partners]
        mixed_targets = (1 - weight) * targets[order] + weight * targets[partners]
        noisy = random.random((count, 1)) < config.noise
        deviation = np.exp(random.uniform(math.log(NOISE_RANGE[0]), math.log(NOISE_RANGE[1]), (count, 1)))
        inputs += noisy * deviation * random.standard_normal(inputs.shape)
        rounded = random.random(count) < config.rounding
        inputs[rounded] = np.round(inputs[rounded], DECIMALS)
        return inputs[..., np.newaxis].astype(np.float32), mixed_targets.astype(np.float32)
