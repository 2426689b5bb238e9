"""The units that series are fitted and judged in. Plain numpy; no runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def z_units(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Series in units in which decimals mean the same for all: those z-normalised already, as stored.

    Args:
        series: `float64[n, length]`.

    Returns:
        The same series where all have mean 0 and deviation 1 (to 1 %), else their z-normalised form;
        constant series become zeros.
    """
    mean = series.mean(axis=1, keepdims=True)
    deviation = series.std(axis=1, ddof=1, keepdims=True)
    if np.all(np.abs(mean) < 0.01) and np.all(np.abs(deviation - 1) < 0.01):
        return series
    # Multiplied by a power of two, which is exact: the squares of very small values would be zero.
    _, exponent = np.frexp(np.abs(series).max(axis=1, keepdims=True))
    sized = np.ldexp(series, -exponent)
    centred = sized - sized.mean(axis=1, keepdims=True)
    deviation = sized.std(axis=1, ddof=1, keepdims=True)
    units: NDArray[np.float64] = centred / np.where(deviation > 0, deviation, 1.0)
    return units
