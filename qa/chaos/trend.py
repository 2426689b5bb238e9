"""Trends of a long run: does memory grow, do latencies drift?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qa.chaos.ledger import Ledger, quantile_ms

# Samples are averaged in as many blocks: neighbouring samples are alike, and would feign certainty.
BLOCKS = 12


class Slope(NamedTuple):
    """A slope by least squares, and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        """Both numbers."""
        return f"{self.value:+.1f} ± {self.error:.1f}"


class Fifth(NamedTuple):
    """Latencies in milliseconds within a fifth of a run."""

    p50: float
    p99: float


def slope(times: Sequence[float], values: Sequence[float]) -> Slope:
    """How much a value rises in a unit of time, over the means of `BLOCKS` blocks of samples.

    Raises:
        ValueError: there are fewer samples than blocks.
    """
    if len(times) < BLOCKS:
        raise ValueError(f"{len(times)} samples; {BLOCKS} are needed for a slope")
    x = np.array([block.mean() for block in np.array_split(np.asarray(times), BLOCKS)])
    y = np.array([block.mean() for block in np.array_split(np.asarray(values), BLOCKS)])
    centred = x - x.mean()
    spread = float(centred @ centred)
    rise = float(centred @ y) / spread
    residuals = y - y.mean() - rise * centred
    error = float(np.sqrt(residuals @ residuals / (BLOCKS - 2) / spread))
    return Slope(rise, error)


def fifth(ledger: Ledger, number: int, *, start: float, end: float, kind: str) -> Fifth:
    """Latencies of one kind of request in one fifth, from 0, of the time between two moments."""
    length = (end - start) / 5
    seconds = ledger.latencies(start + number * length, start + (number + 1) * length, kind=kind)
    return Fifth(quantile_ms(seconds, 0.5), quantile_ms(seconds, 0.99))
