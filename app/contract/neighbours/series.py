"""Training series in a compact form: 16 bits a value, with an offset and a step for each channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEVELS = 2**16 - 1
_LOWEST = -(2**15)
# A double has 15 decimal digits: beyond, rounding to decimals would change values.
_MOST_DECIMALS = 15


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """n series.

    Attributes:
        values: `int16[n, *SeriesSpec.shape]`, steps from the offset.
        offsets: `float64[n, channels]`.
        steps: `float64[n, channels]`; 0 for a constant channel.
    """

    values: NDArray[np.int16]
    offsets: NDArray[np.float64]
    steps: NDArray[np.float64]

    def restore(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Some of the series, `float64[m, *SeriesSpec.shape]`, with no more decimals than are known."""
        steps, offsets = self._per_value(self.steps[indices]), self._per_value(self.offsets[indices])
        values = offsets + steps * self.values[indices]
        with np.errstate(divide="ignore"):
            decimals = np.where(steps > 0, np.ceil(-np.log10(steps)) + 1, np.inf)
        is_rounded = decimals <= _MOST_DECIMALS
        factors = 10.0 ** np.where(is_rounded, np.maximum(decimals, 0), 0)
        return np.where(is_rounded, np.round(values * factors) / factors, values)

    def _per_value(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers `[m, channels]` in a form that broadcasts with series."""
        return numbers if self.values.ndim == 2 else numbers[:, np.newaxis, :]


def store_series(series: NDArray[np.float64]) -> StoredSeries:
    """The compact form of series `float64[n, *SeriesSpec.shape]`."""
    channels = series if series.ndim == 3 else series[..., np.newaxis]
    low, high = channels.min(axis=1), channels.max(axis=1)
    steps = high / _LEVELS - low / _LEVELS  # the difference itself may be infinite
    offsets = low - steps * _LOWEST
    divisors = np.where(steps > 0, steps, 1.0)[:, np.newaxis]
    levels = np.round(channels / divisors - (offsets[:, np.newaxis] / divisors))
    values = np.clip(levels, _LOWEST, -_LOWEST - 1).astype("<i2")
    return StoredSeries(values.reshape(series.shape), offsets, steps)


def largest_error(series: NDArray[np.float64], stored: StoredSeries) -> float:
    """The largest error of a value, as a part of the range of its channel in its series."""
    restored = stored.restore(np.arange(len(series)))
    error = np.abs(restored - series).max(axis=1).reshape(stored.steps.shape)
    ranges = stored.steps * _LEVELS
    return float(np.max(error / np.where(ranges > 0, ranges, 1.0)))
