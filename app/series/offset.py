"""From any numbers to float32 without losing a series behind its offset.

A model takes float32, which has 24 bits. Of air pressure in pascals, 101,325 ± 1, they leave 7 to the signal.
So what a series is measured from is subtracted before the values are narrowed, in their own precision, where
the model's answer does not depend on it. This is the one place that does so: for the server, the client and
training.
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
# A narrower series than this would reach float32's subnormal numbers, which have fewer bits.
_NARROWEST = 2.0**-100


class NotFloat32(ValueError):
    """A value is not finite, or would not be in float32."""


@dataclass(slots=True)
class Narrowed:
    """Series as a model takes them.

    Attributes:
        series: `float32[n, *SeriesSpec.shape]`, C-contiguous and aligned.
        coarse: `bool[n]`, which series had lost too much to their offset before they came here; None where
            none had.
    """

    series: NDArray[np.float32]
    coarse: NDArray[np.bool_] | None = None


def narrow(values: NDArray[Any], *, is_invariant: bool = True) -> Narrowed:
    """Series of any real dtype as float32.

    A series whose values have one sign and differ by at most a factor of two loses its smallest value first.
    That subtraction is exact (Sterbenz, "Floating-point computation", 1974, theorem 4.3.1). One that is too
    narrow for float32 is multiplied by a power of two, which is exact, too. All others lose at most one bit
    to their offset, and are left as they are.

    Each of several channels has an offset and a scale of its own, pressure beside temperature, say: what is
    said here of a series is done to each channel by itself. A series is coarse if one of its channels is.

    Args:
        values: `[n, *SeriesSpec.shape]`, integers or floats. With one channel, the same memory is returned
            where it needs no change.
        is_invariant: whether the model's answer depends on neither offset nor scale of any channel; otherwise
            both stay.

    Raises:
        NotFloat32: a value is not finite, or would not be in float32.
    """
    if values.ndim == 3:
        return _narrow_channels(values, is_invariant=is_invariant)
    # One series is looked at as two numbers: cheaper than arrays of one element.
    if len(values) == 1 and _needs_nothing(float(values.min()), float(values.max())):
        return Narrowed(_as_float32(values))
    found = _extremes(values)
    if np.count_nonzero(found.are_in_range) < len(values):
        raise NotFloat32
    odd = found.are_offset | found.are_narrow
    # Of a few elements, `count_nonzero` is cheaper than `any` and `all`.
    count = np.count_nonzero(odd)
    if not count:
        return Narrowed(_as_float32(values))
    narrowed = values.astype(np.float32, order="C") if is_invariant else _as_float32(values)
    rows = slice(None) if count == len(values) else odd  # a slice is not a copy
    moved = _moved(values[rows], found.smallest[rows], found.are_offset[rows])
    coarse = found.are_offset & ~found.are_narrow
    kept = values if is_invariant else narrowed
    coarse[rows] &= are_coarse(kept[rows], moved, low=found.low[rows], high=found.high[rows])
    if is_invariant:
        _widen(moved, found.are_narrow[rows])
        narrowed[rows] = moved
    return Narrowed(narrowed, coarse if np.count_nonzero(coarse) else None)


def _narrow_channels(values: NDArray[Any], *, is_invariant: bool) -> Narrowed:
    count, _, channels = values.shape
    found = narrow(by_channel(values), is_invariant=is_invariant)
    series = found.series.reshape(count, channels, -1).transpose(0, 2, 1)
    coarse = None if found.coarse is None else np.any(found.coarse.reshape(count, channels), axis=1)
    return Narrowed(np.ascontiguousarray(series), coarse)


def fits_float32(values: NDArray[Any]) -> bool:
    """Whether `narrow` would leave all of these series as they are, and their values are in range.

    Args:
        values: `[n, *SeriesSpec.shape]`.
    """
    if not values.size:
        return True
    found = _extremes(by_channel(values))
    return bool(np.all(found.are_in_range & ~found.are_offset & ~found.are_narrow))


def _needs_nothing(low: float, high: float) -> bool:
    """Whether a series with this smallest and this largest value is in range, not narrow, and not offset."""
    is_offset = (low > 0 and high <= 2 * low) or (high < 0 and 2 * high <= low)
    return low > -FLOAT32_END and high < FLOAT32_END and high - low >= _NARROWEST and not is_offset


class _Extremes(NamedTuple):
    """The smallest and the largest value of n series, and what they say of them; `[n]` each.

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
    varies = smallest != largest  # integers of 64 bits may be equal only in float64
    with np.errstate(invalid="ignore", over="ignore"):  # of those that are not in range
        low, high = smallest.astype(np.float64), largest.astype(np.float64)
        in_range = (low > -FLOAT32_END) & (high < FLOAT32_END)  # also false for NaN
        is_offset = ((low > 0) & (high <= 2 * low)) | ((high < 0) & (low >= 2 * high))
        is_narrow = (high - low < _NARROWEST) & (values.dtype.kind == "f")
    return _Extremes(smallest, low, high, in_range, varies & is_offset, varies & is_narrow)


def _as_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    series = np.asarray(values, np.float32, order="C")
    return series if series.flags.aligned else series.copy()


def _moved(
    values: NDArray[Any], smallest: NDArray[Any], are_offset: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """The series, those with an offset less their smallest value: subtracted in their own dtype.

    Floats of up to 32 bits give float32, all others float64.
    """
    start: NDArray[Any] = np.where(are_offset, smallest, smallest.dtype.type(0))
    moved: NDArray[Any] = values - start[:, np.newaxis]
    return np.asarray(moved, np.float32 if is_short_float(values) else np.float64)


def _widen(moved: NDArray[np.floating], are_narrow: NDArray[np.bool_]) -> None:
    """Multiply the narrow series by the power of two that brings them close to 1."""
    if np.count_nonzero(are_narrow):
        narrow_ones = moved[are_narrow]
        _, exponent = np.frexp(np.ptp(narrow_ones, axis=1, keepdims=True))
        moved[are_narrow] = np.ldexp(narrow_ones, -exponent)
