"""A model whose reasons are known: it answers by the power of one frequency in one stretch of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.support.fakes import FakeEngine

# Of the committed artifact's series.
LONG = 500
FREQUENCY = 0.2
STRETCH = slice(300, 350)


def by_planted_cause(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities `float32[n, 2]`: the second class by the amplitude of `FREQUENCY` within `STRETCH`."""
    steps = np.arange(LONG)[STRETCH]
    wave = np.exp(-2j * np.pi * FREQUENCY * steps)
    amplitude = np.abs(series[:, STRETCH].astype(np.float64) @ wave) / len(steps)
    second = 1 / (1 + np.exp(-20 * (amplitude - 0.25)))
    return np.stack([1 - second, second], axis=1).astype(np.float32)


def background(count: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Noise without the cause, `float32[count, LONG]`."""
    return np.random.default_rng(seed).standard_normal((count, LONG)).astype(np.float32) * 0.5


def planted(count: int, *, seed: int = 1) -> NDArray[np.float32]:
    """Noise with the cause."""
    series = background(count, seed=seed)
    series[:, STRETCH] += np.sin(2 * np.pi * FREQUENCY * np.arange(LONG)[STRETCH]).astype(np.float32)
    return series


def engine() -> FakeEngine:
    """An engine that runs this model."""
    return FakeEngine(by_planted_cause)
