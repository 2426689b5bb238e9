"""Detects series with a large offset that have lost the precision that a prediction needs.

A number has few digits, and a large offset uses most of them. The values then lie on steps: those of a float
type, or of rounded decimals. Steps that are wide compared with the series' standard deviation change the
prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Steps from this width on, in standard deviations, change predictions: tests/training/test_committed.py.
COARSE = 0.0015
# From this ratio of the largest value to the range on, the offset takes digits that the series needs.
_LARGE_OFFSET = 16.0
# Values of a series that are tested before all of them are.
_FIRST_VALUES = 8
# Powers of ten are exact in float64 up to this one.
_EXACT_TENS = 22
_TINY = np.finfo(np.float64).tiny

ValueTest = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]


def are_coarse(
    values: NDArray[Any],
    shifted: NDArray[np.floating],
    *,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Which series with an offset lie on steps that are wide for their standard deviation, `bool[n]`.

    Args:
        values: `[n, length]`, as received.
        shifted: the same without their offset.
        low: `float64[n]`, the smallest value.
        high: `float64[n]`, the largest one; both have one sign.
    """
    least = COARSE * _deviation(shifted)
    ends = np.abs(low), np.abs(high)
    smallest, largest = np.minimum(*ends), np.maximum(*ends)
    is_large = largest >= _LARGE_OFFSET * (high - low)
    if values.dtype.kind != "f":  # 64-bit integers as float64 would get steps that they do not have
        return _lie_on_steps(is_large, shifted.astype(np.float64, copy=False), least)
    coarse = _float_steps(largest, values.dtype.newbyteorder("=")) >= least
    if not is_short_float(values):
        steps = _float_steps(smallest, np.float32)
        coarse |= _where_all_pass((steps >= least) & ~coarse, values, least, _is_float32)
        coarse |= _are_float32_decimals((steps >= least) & ~coarse, values, steps)
    return coarse | _lie_on_steps(is_large & ~coarse, values, least)


def is_short_float(values: NDArray[Any]) -> bool:
    """Whether the dtype is a float of at most 32 bits."""
    return values.dtype.kind == "f" and values.dtype.itemsize <= np.dtype(np.float32).itemsize


def _deviation(shifted: NDArray[np.floating]) -> NDArray[np.float64]:
    """The standard deviation of series near zero, without the copies of `numpy.std`."""
    length = shifted.shape[1]
    squares = np.einsum("ij,ij->i", shifted, shifted, dtype=np.float64) / length
    square = squares - (np.add.reduce(shifted, axis=1, dtype=np.float64) / length) ** 2
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _float_steps(sizes: NDArray[np.float64], dtype: Any) -> NDArray[np.float64]:
    """The distance of positive floats to the next lower float of a dtype."""
    floats = sizes.astype(dtype)
    return np.asarray(floats - np.nextafter(floats, np.zeros_like(floats)), np.float64)


def _where_all_pass(
    suspects: NDArray[np.bool_], values: NDArray[Any], numbers: NDArray[np.float64], test: ValueTest
) -> NDArray[np.bool_]:
    """Which of these series pass a test with all values. Most fail with their first ones.

    Args:
        suspects: `bool[n]`, the series to test.
        values: `[n, length]`.
        numbers: `float64[n]`, an argument of the test for each series.
        test: gives `bool[m, k]` for `float64[m, k]` values and `float64[m, 1]` numbers.
    """
    if not np.count_nonzero(suspects):
        return suspects
    first = values[:, :_FIRST_VALUES].astype(np.float64)
    passed: NDArray[np.bool_] = suspects & test(first, numbers[:, np.newaxis]).all(axis=1)
    if np.count_nonzero(passed):
        passed[passed] = test(values[passed].astype(np.float64), numbers[passed, np.newaxis]).all(axis=1)
    return passed


def _lie_on_steps(
    suspects: NDArray[np.bool_], values: NDArray[Any], least: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which series lie on steps of a power of ten or of two that are at least `least` wide.

    Sensors and converters have steps of a power of two, and so do float16 and similar types.
    """
    decimal = _where_all_pass(suspects, values, least, _is_multiple_of_ten)
    return decimal | _where_all_pass(suspects & ~decimal, values, least, _is_multiple_of_two)


def _is_multiple_of_ten(values: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    return _has_decimals(values, np.floor(-np.log10(np.maximum(least, _TINY))))


def _is_multiple_of_two(values: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    _, exponents = np.frexp(least)
    unit = np.ldexp(1.0, exponents)
    return np.asarray(np.rint(values / unit) * unit == values)


def _is_float32(values: NDArray[np.float64], _: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether values are exact float32."""
    return np.asarray(values.astype(np.float32) == values)


def _has_decimals(values: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values `float64[n, k]` have at most `places` decimals, `float64[n, 1]`.

    Powers of ten below 1 are not exact, so an integer is divided by a power above 1.
    """
    up, down = (10.0 ** np.minimum(np.maximum(power, 0), _EXACT_TENS) for power in (places, -places))
    return np.asarray((np.rint(values * up / down) * down / up == values) & (np.abs(places) <= _EXACT_TENS))


def _are_float32_decimals(
    suspects: NDArray[np.bool_], values: NDArray[Any], steps: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which series are float32 with these steps, printed as decimals.

    Of other values, at most two in three look like that (`_is_float32_decimal`), if they are spread
    over the steps; if not, several become the same float32.
    """
    printed = _where_all_pass(suspects, values, steps, _is_float32_decimal)
    for index in np.flatnonzero(printed):
        row = values[index]
        printed[index] = len(np.unique(row)) == len(np.unique(row.astype(np.float32)))
    return printed


def _is_float32_decimal(values: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a value has fewer digits than distinguish two float32, or is the decimal next to one.

    Most programs print a float32 with as few digits as distinguish it from its neighbours: 101325.12 for
    101325.1171875. With the factor 0.7, at most two in three other values are that close, for any step.
    """
    places = np.ceil(-np.log10(np.maximum(0.7 * steps, _TINY)))
    is_next = np.abs(values - values.astype(np.float32)) <= 0.5001 * 10.0**-places
    return is_next | _has_decimals(values, places - 1)
