"""Whether a series with a large offset still has the precision that its answer needs.

Digits are few in every number. What the offset takes of them the series lacks: its values then lie on steps,
those of the floats that they were once, or of the decimals that were written. Steps that are wide against the
series' standard deviation change the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# From this step on, in standard deviations of the series, answers change: tests/training/test_committed.py.
COARSE = 0.0015
# From this ratio of the largest value to the range on, the offset takes digits that the series would need.
_LARGE = 16.0
# So many values of a series are looked at before all of them are.
_FEW = 8
# Powers of ten are exact in float64 up to this one.
_EXACT_TENS = 22
_TINY = np.finfo(np.float64).tiny

Test = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]


def are_coarse(
    values: NDArray[Any],
    moved: NDArray[np.floating],
    *,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Which series with an offset lie on steps that are wide against their standard deviation, `bool[n]`.

    Args:
        values: `[n, length]`, as they were kept until here.
        moved: the same, less their offset.
        low: `float64[n]`, the smallest value.
        high: `float64[n]`, the largest one; both have one sign.
    """
    least = COARSE * _deviation(moved)
    ends = np.abs(low), np.abs(high)
    smallest, largest = np.minimum(*ends), np.maximum(*ends)
    is_large = largest >= _LARGE * (high - low)
    if values.dtype.kind != "f":  # as float64, integers of 64 bits would lie on steps that they have not
        return _are_stepped(is_large, moved.astype(np.float64, copy=False), least)
    coarse = _steps(largest, values.dtype.newbyteorder("=")) >= least
    if not is_short_float(values):
        steps = _steps(smallest, np.float32)
        coarse |= _all_where((steps >= least) & ~coarse, values, least, _is_float32)
        coarse |= _are_printed((steps >= least) & ~coarse, values, steps)
    return coarse | _are_stepped(is_large & ~coarse, values, least)


def is_short_float(values: NDArray[Any]) -> bool:
    """Whether the dtype is a float of at most 32 bits."""
    return values.dtype.kind == "f" and values.dtype.itemsize <= np.dtype(np.float32).itemsize


def _deviation(moved: NDArray[np.floating]) -> NDArray[np.float64]:
    """The standard deviation of series that start near zero; without the copies that `numpy.std` makes."""
    length = moved.shape[1]
    squares = np.einsum("ij,ij->i", moved, moved, dtype=np.float64) / length
    square = squares - (np.add.reduce(moved, axis=1, dtype=np.float64) / length) ** 2
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _steps(sizes: NDArray[np.float64], dtype: Any) -> NDArray[np.float64]:
    """How far positive numbers are, as floats of a dtype, from those below: the largest has none above."""
    floats = sizes.astype(dtype)
    return np.asarray(floats - np.nextafter(floats, np.zeros_like(floats)), np.float64)


def _all_where(
    suspects: NDArray[np.bool_], values: NDArray[Any], numbers: NDArray[np.float64], test: Test
) -> NDArray[np.bool_]:
    """Of which of these series all values pass a test. Most fail it on their first ones.

    Args:
        suspects: `bool[n]`, the series to look at.
        values: `[n, length]`.
        numbers: `float64[n]`, what the test needs to know of each series.
        test: gives `bool[m, k]` for `float64[m, k]` values and `float64[m, 1]` numbers.
    """
    if not np.count_nonzero(suspects):
        return suspects
    first = values[:, :_FEW].astype(np.float64)
    passed: NDArray[np.bool_] = suspects & test(first, numbers[:, np.newaxis]).all(axis=1)
    if np.count_nonzero(passed):
        passed[passed] = test(values[passed].astype(np.float64), numbers[passed, np.newaxis]).all(axis=1)
    return passed


def _are_stepped(
    suspects: NDArray[np.bool_], values: NDArray[Any], least: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which series lie on steps of a power of ten or of two that are at least this wide.

    Sensors and converters have steps of a power of two, and so have float16 and its relatives.
    """
    decimal = _all_where(suspects, values, least, _is_multiple_of_ten)
    return decimal | _all_where(suspects & ~decimal, values, least, _is_multiple_of_two)


def _is_multiple_of_ten(values: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    return _has_decimals(values, np.floor(-np.log10(np.maximum(least, _TINY))))


def _is_multiple_of_two(values: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    _, exponents = np.frexp(least)
    unit = np.ldexp(1.0, exponents)
    return np.asarray(np.rint(values / unit) * unit == values)


def _is_float32(values: NDArray[np.float64], _: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Float32 that was widened again on the way."""
    return np.asarray(values.astype(np.float32) == values)


def _has_decimals(values: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values `float64[n, k]` have at most so many decimals `float64[n, 1]`, as decimals are read.

    Powers of ten below 1 are not exact: a decimal fraction is what a whole number divided by one above is.
    """
    up, down = (10.0 ** np.minimum(np.maximum(power, 0), _EXACT_TENS) for power in (places, -places))
    return np.asarray((np.rint(values * up / down) * down / up == values) & (np.abs(places) <= _EXACT_TENS))


def _are_printed(
    suspects: NDArray[np.bool_], values: NDArray[Any], steps: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which series are float32 of these steps, written out as decimals.

    Of values that never were float32 at most two in three look like that (`_is_printed`), as long as they are
    spread over the steps; where they are not, several become the same float32.
    """
    printed = _all_where(suspects, values, steps, _is_printed)
    for index in np.flatnonzero(printed):
        row = values[index]
        printed[index] = len(np.unique(row)) == len(np.unique(row.astype(np.float32)))
    return printed


def _is_printed(values: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a value has fewer digits than could tell two float32 apart, or is the decimal next to one.

    Most programs print a float32 with as few digits as tell it from its neighbours: 101325.12 for
    101325.1171875. With the factor 0.7 two in three other values at most are that close, for any step.
    """
    places = np.ceil(-np.log10(np.maximum(0.7 * steps, _TINY)))
    is_next = np.abs(values - values.astype(np.float32)) <= 0.5001 * 10.0**-places
    return is_next | _has_decimals(values, places - 1)
