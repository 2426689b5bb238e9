"""From any numbers to float32 without losing a series behind its offset.

A model takes float32, which has 24 bits. Of air pressure in pascals, 101,325 ± 1, they leave 7 to the signal.
So what a series is measured from is subtracted before the values are narrowed, in their own precision, where
the model's answer does not depend on it. This is the one place that does so: for the server, the client and
training.
"""

from __future__ import annotations

from collections.abc import Callable
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
# So many values of a series are looked at before all of them are.
_FEW = 8
_EXACT_TENS = 22


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
    # One series is looked at as two numbers, in a fraction of the time that arrays of one element take.
    if len(values) == 1 and _needs_nothing(float(values.min()), float(values.max())):
        return Narrowed(_as_float32(values))
    found = _extremes(values)
    if np.count_nonzero(found.are_in_range) < len(values):
        raise NotFloat32
    odd = found.are_offset | found.are_narrow
    # Counting takes a fifth of the time of `any` and `all` where there are few.
    count = np.count_nonzero(odd)
    if not count:
        return Narrowed(_as_float32(values))
    narrowed = values.astype(np.float32, order="C") if is_invariant else _as_float32(values)
    rows = slice(None) if count == len(values) else odd  # a slice is not a copy
    moved = _moved(values[rows], found.are_offset[rows])
    coarse = found.are_offset & ~found.are_narrow
    coarse[rows] &= _are_coarse(
        (values if is_invariant else narrowed)[rows],
        deviation=_deviation(moved),
        largest=np.maximum(np.abs(found.low), np.abs(found.high))[rows],
        width=(found.high - found.low)[rows],
    )
    if is_invariant:
        _widen(moved, found.are_narrow[rows])
        narrowed[rows] = moved
    return Narrowed(narrowed, coarse if np.count_nonzero(coarse) else None)


def fits_float32(values: NDArray[Any]) -> bool:
    """Whether `narrow` would leave all of the series `[n, length]` as they are, and their values in range."""
    if not values.size:
        return True
    found = _extremes(values)
    return bool(np.all(found.are_in_range & ~found.are_offset & ~found.are_narrow))


def _needs_nothing(low: float, high: float) -> bool:
    """Whether a series with this smallest and this largest value is in range, not narrow, and not offset."""
    is_offset = (low > 0 and high <= 2 * low) or (high < 0 and 2 * high <= low)
    return low > -FLOAT32_END and high < FLOAT32_END and high - low >= _NARROWEST and not is_offset


class _Extremes(NamedTuple):
    """The smallest and the largest value of n series, and what they say of them; `[n]` each."""

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
    return _Extremes(low, high, in_range, varies & is_offset, varies & is_narrow)


def _as_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    series = np.asarray(values, np.float32, order="C")
    return series if series.flags.aligned else series.copy()


def _moved(values: NDArray[Any], are_offset: NDArray[np.bool_]) -> NDArray[np.floating]:
    """The series, those with an offset less their smallest value: subtracted in their own dtype.

    Floats of up to 32 bits give float32, all others float64.
    """
    kind: Any = np.float32 if _is_short_float(values) else np.float64
    if np.count_nonzero(are_offset) == len(values):
        start: NDArray[Any] = values - values.min(axis=1, keepdims=True)
        return np.asarray(start, kind)
    moved = values.astype(kind)
    with_offset = values[are_offset]
    moved[are_offset] = with_offset - with_offset.min(axis=1, keepdims=True)
    return moved


def _is_short_float(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "f" and values.dtype.itemsize <= 4


def _widen(moved: NDArray[np.floating], are_narrow: NDArray[np.bool_]) -> None:
    """Multiply the narrow series by the power of two that brings them close to 1."""
    if np.count_nonzero(are_narrow):
        narrow_ones = moved[are_narrow]
        _, exponent = np.frexp(np.ptp(narrow_ones, axis=1, keepdims=True))
        moved[are_narrow] = np.ldexp(narrow_ones, -exponent)


def _deviation(moved: NDArray[np.floating]) -> NDArray[np.float64]:
    """The standard deviation of series that start near zero, in a third of the time of `numpy.std`."""
    length = moved.shape[1]
    squares = np.einsum("ij,ij->i", moved, moved, dtype=np.float64) / length
    square = squares - (np.add.reduce(moved, axis=1, dtype=np.float64) / length) ** 2
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _are_coarse(
    values: NDArray[Any],
    *,
    deviation: NDArray[np.float64],
    largest: NDArray[np.float64],
    width: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Which series lie on steps that are wide against their standard deviation.

    Args:
        values: `[n, length]`, as they were kept until here.
        deviation: `float64[n]`, the standard deviation.
        largest: `float64[n]`, the largest absolute value.
        width: `float64[n]`, from the smallest value to the largest.
    """
    least = COARSE * deviation
    if _is_short_float(values):
        coarse = _spacing(largest, values.dtype.newbyteorder("=")) >= least
    else:
        coarse = _spacing(largest, np.float64) >= least
        # Float32 that was widened again on the way still lies on its steps.
        suspects = _spacing(largest, np.float32) >= least
        coarse |= _all_where(suspects, values, least, _is_float32)
    suspects = ~coarse & (largest >= _LARGE * width)
    return np.asarray(coarse | _all_where(suspects, values, least, _is_multiple))


def _spacing(values: NDArray[np.float64], dtype: Any) -> NDArray[Any]:
    """From each value to the next one of a float's dtype; infinite after its last one."""
    with np.errstate(over="ignore"):
        return np.asarray(np.spacing(values.astype(dtype)))


def _all_where(
    suspects: NDArray[np.bool_],
    values: NDArray[Any],
    least: NDArray[np.float64],
    test: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]],
) -> NDArray[np.bool_]:
    """Of which of these series all values pass a test. Most fail it on their first ones."""
    passed = suspects.copy()
    for count in (_FEW, values.shape[1]):
        if np.count_nonzero(passed):
            some = values[passed, :count].astype(np.float64)
            passed[passed] = test(some, least[passed, np.newaxis]).all(axis=1)
    return passed


def _is_float32(values: NDArray[np.float64], _: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values are float32's."""
    return np.asarray(values.astype(np.float32) == values)


def _is_multiple(values: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values `float64[n, k]` are multiples of the smallest power of ten that reaches `float64[n, 1]`.

    Powers of ten below 1 are not exact: a decimal fraction is what a whole number divided by one above is.
    Those above 1 are exact up to 1e22; nothing is a multiple of what is beyond.
    """
    places = np.floor(-np.log10(np.maximum(least, np.finfo(np.float64).tiny)))
    up, down = (10.0 ** np.minimum(np.maximum(power, 0), _EXACT_TENS) for power in (places, -places))
    multiples = np.rint(values * up / down) * down / up
    return np.asarray((multiples == values) & (np.abs(places) <= _EXACT_TENS))
