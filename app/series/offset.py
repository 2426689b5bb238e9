"""Converts series to float32 without losing the signal to a large offset.

A model takes float32, which has 24 bits. For air pressure in pascals, 101,325 ± 1, the signal would get 7 of
them. So the offset is subtracted before the conversion, in the values' own precision, if the model's
prediction does not depend on it. Server, client and training all use this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.series.precision import are_coarse, is_short_float
from app.series.spec import by_channel

# The first float64 that becomes infinite in float32.
FLOAT32_END = 2.0**128 - 2.0**103
# The range of a series below which float32 would use subnormal numbers, which have fewer bits.
_NARROWEST = 2.0**-100


class NotFloat32(ValueError):
    """A value is not finite, or out of the range of float32."""


@dataclass(slots=True)
class Narrowed:
    """Series as float32.

    Attributes:
        series: `float32[n, *SeriesSpec.shape]`, C-contiguous and aligned.
        coarse: `bool[n]`, which series had lost too much precision to their offset before; None if none had.
    """

    series: NDArray[np.float32]
    coarse: NDArray[np.bool_] | None = None


def narrow(values: NDArray[Any], *, is_invariant: bool = True) -> Narrowed:
    """Convert series of any real dtype to float32.

    If the values of a series have one sign and differ by at most a factor of two, the smallest value is
    subtracted. That is exact (Sterbenz, "Floating-point computation", 1974, theorem 4.3.1). A series that is
    too narrow for float32 is multiplied by a power of two, which is exact too. All others lose at most one
    bit to their offset and stay unchanged.

    Channels have different offsets and scales, pressure and temperature, say, so each channel is converted by
    itself. A series is coarse if one of its channels is.

    Args:
        values: `[n, *SeriesSpec.shape]`, integers or floats. With one channel, the result shares memory if no
            value changes.
        is_invariant: whether the model's prediction depends on neither offset nor scale of any channel;
            otherwise both are kept.

    Raises:
        NotFloat32: a value is not finite, or out of the range of float32.
    """
    if values.ndim == 3:
        return _narrow_channels(values, is_invariant=is_invariant)
    # For one series, two numbers are cheaper than arrays of one element.
    if len(values) == 1 and _fits_unchanged(float(values.min()), float(values.max())):
        return Narrowed(_as_float32(values))
    found = _extremes(values)
    if np.count_nonzero(found.are_in_range) < len(values):
        raise NotFloat32
    odd = found.are_offset | found.are_narrow
    # For few elements, `count_nonzero` is cheaper than `any` and `all`.
    count = np.count_nonzero(odd)
    if not count:
        return Narrowed(_as_float32(values))
    narrowed = values.astype(np.float32, order="C") if is_invariant else _as_float32(values)
    rows = slice(None) if count == len(values) else odd  # a slice is not a copy
    moved = _without_offset(values[rows], found.smallest[rows], found.are_offset[rows])
    coarse = found.are_offset & ~found.are_narrow
    kept = values if is_invariant else narrowed
    coarse[rows] &= are_coarse(kept[rows], moved, low=found.low[rows], high=found.high[rows])
    if is_invariant:
        _scale_narrow(moved, found.are_narrow[rows])
        narrowed[rows] = moved
    return Narrowed(narrowed, coarse if np.count_nonzero(coarse) else None)


def _narrow_channels(values: NDArray[Any], *, is_invariant: bool) -> Narrowed:
    count, _, channels = values.shape
    found = narrow(by_channel(values), is_invariant=is_invariant)
    series = found.series.reshape(count, channels, -1).transpose(0, 2, 1)
    coarse = None if found.coarse is None else np.any(found.coarse.reshape(count, channels), axis=1)
    return Narrowed(np.ascontiguousarray(series), coarse)


def fits_float32(values: NDArray[Any]) -> bool:
    """Whether `narrow` would return all of these series unchanged, and their values are in range.

    Args:
        values: `[n, *SeriesSpec.shape]`.
    """
    if not values.size:
        return True
    found = _extremes(by_channel(values))
    return bool(np.all(found.are_in_range & ~found.are_offset & ~found.are_narrow))


def _fits_unchanged(low: float, high: float) -> bool:
    """Whether a series with these extremes is in range, not narrow and without a large offset."""
    is_offset = (low > 0 and high <= 2 * low) or (high < 0 and 2 * high <= low)
    return low > -FLOAT32_END and high < FLOAT32_END and high - low >= _NARROWEST and not is_offset


class _Extremes(NamedTuple):
    """The extremes of n series, and what follows from them; `[n]` each.

    Attributes:
        smallest: in the dtype of the values; `low` is the same as a float64.
    """

    smallest: NDArray[Any]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    are_in_range: NDArray[np.bool_]
    are_offset: NDArray[np.bool_]
    are_narrow: NDArray[np.bool_]


def _extremes(values: NDArray[Any]) -> _Extremes:
    smallest, largest = values.min(axis=1), values.max(axis=1)
    varies = smallest != largest  # 64-bit integers may be equal as float64 alone
    with np.errstate(invalid="ignore", over="ignore"):  # for values out of range
        low, high = smallest.astype(np.float64), largest.astype(np.float64)
        in_range = (low > -FLOAT32_END) & (high < FLOAT32_END)  # also false for NaN
        is_offset = ((low > 0) & (high <= 2 * low)) | ((high < 0) & (low >= 2 * high))
        is_narrow = (high - low < _NARROWEST) & (values.dtype.kind == "f")
    return _Extremes(smallest, low, high, in_range, varies & is_offset, varies & is_narrow)


def _as_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    series = np.asarray(values, np.float32, order="C")
    return series if series.flags.aligned else series.copy()


def _without_offset(
    values: NDArray[Any], smallest: NDArray[Any], are_offset: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """Subtract the smallest value from the series with an offset, in their own dtype.

    Returns float32 for floats of up to 32 bits, float64 for all others.
    """
    start: NDArray[Any] = np.where(are_offset, smallest, smallest.dtype.type(0))
    moved: NDArray[Any] = values - start[:, np.newaxis]
    return np.asarray(moved, np.float32 if is_short_float(values) else np.float64)


def _scale_narrow(moved: NDArray[np.floating], are_narrow: NDArray[np.bool_]) -> None:
    """Multiply narrow series in place by a power of two that brings their range close to 1."""
    if np.count_nonzero(are_narrow):
        narrow_ones = moved[are_narrow]
        _, exponent = np.frexp(np.ptp(narrow_ones, axis=1, keepdims=True))
        moved[are_narrow] = np.ldexp(narrow_ones, -exponent)
