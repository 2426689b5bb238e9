"""Trends of memory and latencies over a long run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qa.chaos.request_log import RequestLog, quantile_ms

# Samples are averaged in this many blocks: neighbouring samples are correlated, so their errors would be too
# small.
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
    """The slope of values over time, from the means of `BLOCKS` blocks of samples.

    Raises:
        ValueError: fewer samples than blocks.
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


def fifth(request_log: RequestLog, number: int, *, start: float, end: float, kind: str) -> Fifth:
    """Latencies of one kind of request in one fifth, from 0, of the time between two moments."""
    length = (end - start) / 5
    seconds = request_log.latencies(start + number * length, start + (number + 1) * length, kind=kind)
    return Fifth(quantile_ms(seconds, 0.5), quantile_ms(seconds, 0.99))
