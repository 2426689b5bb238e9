"""`app.series.offset`: what a series keeps when it becomes float32, whatever it is measured from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.series.offset import FLOAT32_END, NotFloat32, fits_float32, narrow

LENGTH = 64
PASCALS = 101_325.0


def noise(seed: int = 0, count: int = 3) -> NDArray[np.float64]:
    """Series `float64[count, LENGTH]` of mean 0 and deviation 1."""
    return np.random.default_rng(seed).normal(size=(count, LENGTH))


def z_units(series: NDArray[Any]) -> NDArray[np.float64]:
    """Mean 0 and deviation 1 in float64: what an invariant model sees of a series."""
    exact = series.astype(np.float64)
    moved = exact - exact[:, :1]
    moved /= np.abs(moved).max(axis=1, keepdims=True)
    return np.asarray((moved - moved.mean(axis=1, keepdims=True)) / moved.std(axis=1, keepdims=True))


def printed(values: NDArray[np.float64], form: str) -> NDArray[np.float64]:
    """The numbers that somebody reads who gets float32 as text."""
    return np.array([[float(form.format(x)) for x in row] for row in values.astype(np.float32)])


@given(
    seed=st.integers(0, 99),
    exponent=st.floats(-9, 9),
    scale=st.floats(-280, 25),
    sign=st.sampled_from([-1, 1]),
)
def test_no_offset_and_no_scale_costs_precision(seed: int, exponent: float, scale: float, sign: int) -> None:
    """Up to 1e9 standard deviations either way, and from 1e-280 to 1e25, a series keeps float32's 24 bits."""
    series = noise(seed)
    shifted = (series + sign * 10.0**exponent) * 10.0**scale
    narrowed = narrow(shifted)
    assert narrowed.coarse is None
    # float64 itself rounds a series that is 1e9 deviations away from zero to 1e-7 of them.
    np.testing.assert_allclose(z_units(narrowed.series), z_units(series), atol=2e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.int64])
def test_what_lies_around_zero_is_left_as_it_is(dtype: Any) -> None:
    """The usual series becomes the nearest float32, bit for bit."""
    values = (100 * noise()).astype(dtype)
    np.testing.assert_array_equal(narrow(values).series, values.astype(np.float32))


@given(st.integers(-(2**62), 2**62), st.sampled_from(["<i8", ">i8", "<u8", "<i4", "<u2"]))
def test_integers_are_subtracted_as_integers(offset: int, dtype: str) -> None:
    """A counter beyond 2**53 keeps every step, which it would not as a float64."""
    info = np.iinfo(dtype)
    start = min(max(offset, info.min), info.max - 2 * LENGTH)
    values = (start + np.arange(LENGTH, dtype=object)).astype(dtype)[np.newaxis]
    steps = np.diff(narrow(values).series[0])
    if abs(start) > 2 * LENGTH:  # has an offset
        np.testing.assert_array_equal(steps, np.ones(LENGTH - 1))


def test_a_model_that_depends_on_offset_and_scale_gets_them() -> None:
    """What is not invariant sees the numbers that were sent."""
    values = noise() + PASCALS
    narrowed = narrow(values, is_invariant=False)
    np.testing.assert_array_equal(narrowed.series, values.astype(np.float32))
    tiny = noise() * 1e-40
    np.testing.assert_array_equal(narrow(tiny, is_invariant=False).series, tiny.astype(np.float32))


def test_float32_with_an_offset_is_not_copied_for_a_model_that_is_not_invariant() -> None:
    """What needs no change shares the memory of what came."""
    values = (noise() + 10).astype(np.float32)
    assert np.shares_memory(narrow(values, is_invariant=False).series, values)


@pytest.mark.parametrize(
    ("values", "is_coarse"),
    [
        (noise() + PASCALS, False),
        ((noise() + PASCALS).astype(np.float32), True),
        ((noise() + PASCALS).astype(np.float32).astype(np.float64), True),
        ((noise() + 1000).astype(np.float32), False),
        ((noise() + 20).astype(np.float16), True),
        (np.round(noise() + PASCALS, 1), True),
        (np.round(noise() + PASCALS, 2), True),
        (np.round(noise() + PASCALS, 4), False),
        (
            1e-6 * np.round(noise() - PASCALS, 2),
            False,
        ),  # multiples of no power of ten
        (1000 * np.round(noise() - PASCALS, 2), True),
        (np.round(noise() + PASCALS).astype(np.int64), True),
        (np.round(1e4 * noise()).astype(np.int64) + 10**15, False),
        (noise() + 1e13, True),
        # float32 as programs print it, with as few digits as tell it from its neighbours, or with nine.
        (printed(noise() + PASCALS, "{}"), True),
        (printed(-noise() - 20_000, "{}"), True),
        (printed(100 * noise() + 1e7, "{}"), True),
        (printed(noise() + PASCALS, "{:.9g}"), True),
        (printed(noise() + 1000, "{}"), False),
        (np.round(noise() + PASCALS, 3), False),
        (np.round(noise() + 20_000, 3), False),
        # Steps of a power of two: of a sensor, or of a float16 that became another type.
        (np.round(16 * (noise() + 293)) / 16, True),
        ((noise() + 200).astype(np.float16).astype(np.float32), True),
        # Beyond 2**53 a float64 has wider steps than an integer.
        (np.round(1e4 * noise()).astype(np.int64) + 2**62, False),
        (np.round(10 * noise()).astype(np.int64) - 2**62, True),
        # The largest that float32 and float16 have.
        (np.linspace(0.6, 1, LENGTH)[np.newaxis] * np.finfo(np.float32).max, False),
        ((np.linspace(0.6, 1, LENGTH)[np.newaxis] * np.finfo(np.float32).max).astype(np.float32), False),
        ((np.linspace(0.6, 1, LENGTH)[np.newaxis] * 65504).astype(np.float16), True),
        # Rounded, but not because of an offset: `few_distinct_values` tells of that where it is odd.
        (np.round(noise() + 20, 2), False),
        (np.round(noise(), 1), False),
        (np.round(200 * noise() + 2048).astype(np.int16), False),
    ],
)
def test_what_an_offset_has_cost_before_is_seen(values: NDArray[Any], is_coarse: bool) -> None:
    """By the dtype that came, by one that it had been through, or by its decimals."""
    coarse = narrow(values).coarse
    assert ([False] * len(values) if coarse is None else coarse.tolist()) == [is_coarse] * len(values)


def test_a_model_that_is_not_invariant_loses_what_float32_loses() -> None:
    """However many digits were sent."""
    assert narrow(noise() + PASCALS, is_invariant=False).coarse is not None


@given(st.permutations(range(6)))
def test_each_series_is_looked_at_for_itself(order: list[int]) -> None:
    """What becomes of a series does not depend on those beside it."""
    rows = np.stack(
        [
            noise()[0],
            noise()[1] + PASCALS,
            np.full(LENGTH, 7.0),
            noise()[2] * 1e-60,
            np.round(noise()[0] - 1e6, 1),
            np.arange(LENGTH) / 8,
        ]
    )[order]
    together = narrow(rows)
    for i, row in enumerate(rows):
        alone = narrow(row[np.newaxis])
        np.testing.assert_array_equal(together.series[i], alone.series[0])
        was_coarse = together.coarse is not None and bool(together.coarse[i])
        assert was_coarse == (alone.coarse is not None)


def test_a_constant_series_stays_constant() -> None:
    """At any offset: there is nothing to keep."""
    for value in (0.0, 5.0, -PASCALS, 1e-300):
        assert len(np.unique(narrow(np.full((1, LENGTH), value)).series)) == 1


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, FLOAT32_END, -FLOAT32_END, 1e300])
def test_what_float32_does_not_have_is_refused(bad: float, count: int) -> None:
    """Alone and beside others, whatever the offset."""
    for offset in (0.0, PASCALS):
        values = noise(count=count) + offset
        values[-1, 5] = bad
        with pytest.raises(NotFloat32):
            narrow(values)
        assert not fits_float32(values)


@pytest.mark.parametrize(
    ("values", "fits"),
    [(noise(), True), (noise() + PASCALS, False), (noise() * 1e-60, False), (np.empty((0, 5)), True)],
)
def test_what_fits_is_what_narrowing_leaves_alone(values: NDArray[np.float64], fits: bool) -> None:
    """So that a client can tell whether float32 is enough to send."""
    assert fits_float32(values) == fits


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_largest_numbers_are_taken(dtype: Any) -> None:
    """Up to the last one of a dtype, beside others of their size, which is an offset."""
    largest = min(float(np.finfo(dtype).max), float(np.finfo(np.float32).max))
    values = np.array([[largest, largest * 0.75, largest * 0.6]], dtype)
    assert np.ptp(narrow(values).series) > 0
    assert np.ptp(narrow(np.repeat(-values, 2, axis=0)).series, axis=1).min() > 0


@pytest.mark.parametrize("is_invariant", [True, False])
def test_each_channel_is_narrowed_as_a_series_of_its_own(is_invariant: bool) -> None:
    """Pressure beside a narrow signal and one that needs nothing; a series is coarse if a channel is."""
    pressure = noise() + PASCALS
    pressure[1] = pressure[1].astype(np.float32)
    series = np.stack([pressure, noise(1) * 1e-35, noise(2)], axis=-1)
    found = narrow(series, is_invariant=is_invariant)
    assert found.series.flags.c_contiguous
    for channel in range(3):
        alone = narrow(np.ascontiguousarray(series[..., channel]), is_invariant=is_invariant)
        np.testing.assert_array_equal(found.series[..., channel], alone.series)
    assert found.coarse is not None
    assert found.coarse.tolist() == ([False, True, False] if is_invariant else [True, True, True])


def test_channels_that_need_nothing_are_known() -> None:
    """One that does is enough to send all as they are."""
    series = np.stack([noise(1), noise(2)], axis=-1)
    assert fits_float32(series)
    series[2, :, 1] += PASCALS
    assert not fits_float32(series)
