"""Z-normalisation of series before they are fitted or evaluated. Plain numpy; no runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def z_normalised(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Z-normalise series, so that decimals mean the same for all; unchanged if already z-normalised.

    Args:
        series: `float64[n, length]`.

    Returns:
        `float64[n, length]`: the same series if all have mean 0 and standard deviation 1 (within 1 %), else
        their z-normalised form; constant series become zeros.
    """
    mean = series.mean(axis=1, keepdims=True)
    deviation = series.std(axis=1, ddof=1, keepdims=True)
    if np.all(np.abs(mean) < 0.01) and np.all(np.abs(deviation - 1) < 0.01):
        return series
    # Scale by a power of two, which is exact: the squares of very small values would underflow to 0.
    _, exponent = np.frexp(np.abs(series).max(axis=1, keepdims=True))
    scaled = np.ldexp(series, -exponent)
    centred = scaled - scaled.mean(axis=1, keepdims=True)
    deviation = scaled.std(axis=1, ddof=1, keepdims=True)
    normalised: NDArray[np.float64] = centred / np.where(deviation > 0, deviation, 1.0)
    return normalised
