"""Copies of the training series in the precisions that clients send: fine, rounded, noisy.

Clients round, and sensors add noise. A model trained on the decimals of the files alone depends on them and
fails in use. So each precision has its own share of every epoch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig

FINE, ROUNDED, NOISY = "fine", "rounded", "noisy"
STEP = 0.01
ROUNDED_COPIES, NOISY_COPIES = 4, 6
# Standard deviations of added noise, relative to that of the series.
# A third of the copies get the narrow range.
WIDE_NOISE, NARROW_NOISE = (0.001, 0.1), (0.02, 0.08)

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Precision:
    """One precision: its share of an epoch, and `float64[copies, n, length]` of the training series."""

    name: str
    share: float
    copies: NDArray[np.float64]


def make_precisions(series: Series, config: TrainingConfig) -> list[Precision]:
    """Copies of training series `float64[n, length]`, of `z_normalised`, in each precision with a share."""
    random = np.random.default_rng([config.seed, 1_000_000])
    makers = {
        FINE: (1 - config.rounding - config.noise, _fine),
        ROUNDED: (config.rounding, _rounded),
        NOISY: (config.noise, _noisy),
    }
    return [
        Precision(name=name, share=share, copies=np.stack(list(make(series, random))))
        for name, (share, make) in makers.items()
        if share > 0
    ]


def _fine(series: Series, _random: np.random.Generator) -> Iterator[Series]:
    yield series
    yield np.round(series, 3)


def _rounded(series: Series, random: np.random.Generator) -> Iterator[Series]:
    """Rounded to 2 decimals, and again on shifted grids: other rounding errors of the same size."""
    yield np.round(series, 2)
    for _ in range(ROUNDED_COPIES):
        shift = random.uniform(-STEP / 2, STEP / 2, (len(series), 1))
        yield np.round(series + shift, 2) - shift


def _noisy(series: Series, random: np.random.Generator) -> Iterator[Series]:
    """With white noise, its deviations log-uniform; half of the copies are rounded, too."""
    for copy in range(NOISY_COPIES):
        low, high = (np.log(NARROW_NOISE) if copy % 3 == 0 else np.log(WIDE_NOISE)).tolist()
        deviation = np.array([math.exp(value) for value in random.uniform(low, high, len(series))])
        noisy = series + deviation[:, np.newaxis] * random.standard_normal(series.shape)
        yield np.round(noisy, 2) if copy % 2 else noisy
