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

# The first float64 that becomes infinite in float32.
FLOAT32_END = 2.0**128 - 2.0**103
# A narrower series than this would reach float32's subnormal numbers, which have fewer bits.
_NARROWEST = 2.0**-100
# From this step on, in standard deviations of the series, answers change: tests/training/test_committed.py.
COARSE = 0.0015
# From this ratio of the largest value to the range on, the offset takes digits that the series would need.
_LARGE = 16.0


class NotFloat32(ValueError):
    """A value is not finite, or would not be in float32."""


@dataclass(slots=True)
class Narrowed:
    """Series as a model takes them.

    Attributes:
        series: `float32[n, length]`, C-contiguous and aligned.
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

    Args:
        values: `[n, length]`, integers or floats. The same memory is returned where it needs no change.
        is_invariant: whether the model's answer depends on neither offset nor scale; otherwise both stay.

    Raises:
        NotFloat32: a value is not finite, or would not be in float32.
    """
    if len(values) == 1:  # two reductions to a number take half the time of two to an array
        lowest, highest = float(values.min()), float(values.max())
        if -FLOAT32_END < lowest <= 0 <= highest < FLOAT32_END and highest - lowest >= _NARROWEST:
            return Narrowed(_as_float32(values))
    extremes = _extremes(values)
    if not extremes.are_in_range.all():
        raise NotFloat32
    odd = extremes.are_offset | extremes.are_narrow
    if not odd.any():
        return Narrowed(_as_float32(values))
    moved = _moved(values[odd], extremes.are_offset[odd])
    narrowed = values.astype(np.float32, order="C") if is_invariant else _as_float32(values)
    coarse = np.zeros(len(values), np.bool_)
    kept = values[odd] if is_invariant else narrowed[odd]
    coarse[odd] = extremes.are_offset[odd] & _are_coarse(kept, moved)
    if is_invariant:
        narrowed[odd] = _widened(moved)
    return Narrowed(narrowed, coarse if coarse.any() else None)


def fits_float32(values: NDArray[Any]) -> bool:
    """Whether `narrow` would leave all of the series `[n, length]` as they are, and their values in range."""
    if not values.size:
        return True
    extremes = _extremes(values)
    return bool(np.all(extremes.are_in_range & ~extremes.are_offset & ~extremes.are_narrow))


class _Extremes(NamedTuple):
    """What the smallest and the largest value say of n series, `bool[n]` each."""

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
        is_narrow = high - low < _NARROWEST
    return _Extremes(in_range, varies & is_offset, varies & is_narrow)


def _as_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    series = np.asarray(values, np.float32, order="C")
    return series if series.flags.aligned else series.copy()


def _moved(values: NDArray[Any], are_offset: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The series, those with an offset less their smallest value: subtracted in their own dtype."""
    moved = values.astype(np.float64)
    with_offset = values[are_offset]
    moved[are_offset] = with_offset - with_offset.min(axis=1, keepdims=True)
    return moved


def _widened(moved: NDArray[np.float64]) -> NDArray[np.float32]:
    """The series as float32, the narrow ones multiplied by the power of two that brings them close to 1."""
    width = np.ptp(moved, axis=1, keepdims=True)
    _, exponent = np.frexp(width)
    return np.ldexp(moved, np.where(width < _NARROWEST, -exponent, 0)).astype(np.float32)


def _are_coarse(values: NDArray[Any], moved: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which series lie on steps that are wide against their standard deviation.

    Args:
        values: `[n, length]`, as they were kept until here.
        moved: the same, less an offset.
    """
    width = np.ptp(moved, axis=1)
    # Divided first: the squares of very small values would be zero.
    least = COARSE * width * (moved / width[:, np.newaxis]).std(axis=1)
    exact = values.astype(np.float64)
    largest = np.abs(exact).max(axis=1)
    # The steps of the floats; those of float32 also where it was widened again on the way.
    is_half = values.dtype.kind == "f" and values.dtype.itemsize == 2
    narrow_type = np.float16 if is_half else np.float32
    went_through = (exact.astype(narrow_type) == exact).all(axis=1)
    steps = np.where(went_through, np.spacing(largest.astype(narrow_type)), np.spacing(largest))
    is_large = largest >= _LARGE * width
    coarse: NDArray[np.bool_] = (steps >= least) | (is_large & _are_multiples(exact, least))
    return coarse


def _are_multiples(values: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which series `float64[n, length]` are multiples of the smallest power of ten that is at least this."""
    places = np.floor(-np.log10(np.maximum(least, np.finfo(np.float64).tiny)))[:, np.newaxis]
    # Powers of ten below 1 are not exact: a decimal fraction is what a whole number divided by one above is.
    unit = 10.0 ** np.abs(places)
    with np.errstate(over="ignore", invalid="ignore"):
        multiples = np.where(places > 0, np.rint(values * unit) / unit, np.rint(values / unit) * unit)
    equal: NDArray[np.bool_] = (multiples == values).all(axis=1)
    return equal
