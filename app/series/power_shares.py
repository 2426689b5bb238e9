"""The spectrum of a series in a few bands, as shares of its power: it depends on neither offset nor scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_BANDS = 32


def band_count(length: int) -> int:
    """Number of bands for series of a length: at most 32, and 0 for series without a frequency."""
    return min(MAX_BANDS, length // 2)


def power_shares(series: NDArray[Any], bands: int) -> NDArray[np.float64]:
    """The shares of power of each series in each band, `float64[n, bands]`; each row sums to 1.

    The bands divide the frequencies of `numpy.fft.rfft`, without 0, evenly. A series of several channels gets
    the mean of their shares. A series without power, a constant, has the same share in all bands.

    Args:
        series: `[n, *SeriesSpec.shape]`.
        bands: at least 1, at most half the length.
    """
    power = np.square(np.abs(np.fft.rfft(series, axis=1)[:, 1:]))
    starts = np.arange(bands) * power.shape[1] // bands
    in_bands = np.add.reduceat(power, starts, axis=1)
    total = in_bands.sum(axis=1, keepdims=True)
    even = np.full_like(in_bands, 1 / bands)
    shares: NDArray[np.float64] = np.divide(in_bands, total, out=even, where=total > 0)
    return shares if shares.ndim == 2 else np.asarray(shares.mean(axis=2))
