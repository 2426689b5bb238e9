"""`app.contract.neighbours.series`: series in 16 bits a value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.contract.neighbours import largest_error, store_series


@given(
    scale=st.floats(-12, 12).map(lambda exponent: 10.0**exponent),
    offset=st.sampled_from([0.0, 1.0, -300.0]),
    shape=st.sampled_from([(3, 50), (2, 20, 3)]),
    seed=st.integers(0, 100),
)
def test_values_are_right_to_a_part_of_the_range(
    scale: float, offset: float, shape: tuple[int, ...], seed: int
) -> None:
    """The error is less than a step, of which the range has 65,535, whatever scale and offset."""
    random = np.random.default_rng(seed)
    series: NDArray[np.float64] = (random.standard_normal(shape) + offset) * scale
    assert largest_error(series, store_series(series)) < 1 / 65_535


def test_constant_and_tiny_and_huge_channels() -> None:
    """Nothing overflows, and a constant stays what it is."""
    series = np.stack([np.full(9, 3.25), np.linspace(-1, 1, 9) * 1e308, np.linspace(0, 1e-300, 9)])
    restored = store_series(series).restore(np.arange(3))
    assert restored[0].tolist() == [3.25] * 9
    np.testing.assert_allclose(restored[1], series[1], atol=1e304)
    np.testing.assert_allclose(restored[2], series[2], atol=1e-304)


def test_some_series_in_any_order() -> None:
    """By index, also twice."""
    series = np.random.default_rng(1).standard_normal((5, 8))
    stored = store_series(series)
    np.testing.assert_array_equal(
        stored.restore(np.array([4, 0, 4])), stored.restore(np.arange(5))[[4, 0, 4]]
    )


@pytest.mark.parametrize("span", [8.0, 0.001, 4_000_000.0])
def test_values_have_few_decimals(span: float) -> None:
    """Those that are known, not the seventeen digits of a float64."""
    series = np.random.default_rng(2).uniform(-span, span, (2, 100))
    restored = store_series(series).restore(np.arange(2))
    assert max(len(repr(value)) for value in restored.ravel().tolist()) <= 13
