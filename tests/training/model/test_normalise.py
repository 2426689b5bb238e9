"""Z-normalisation in the graph: right at any offset and scale, and never NaN."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from keras import ops
from numpy.typing import NDArray

from training.model.normalise import z_normalise


def _graph(series: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(ops.squeeze(z_normalise(ops.convert_to_tensor(series[..., np.newaxis])), -1))


def _exact(series: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = series.astype(np.float64)
    centred = wide - wide.mean(axis=1, keepdims=True)
    return np.asarray(centred / centred.std(axis=1, ddof=1, keepdims=True))


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 1000),
    offset=st.floats(-1e6, 1e6, width=32),
    exponent=st.integers(-20, 20),
)
def test_any_offset_and_scale_gives_the_exact_form(seed: int, offset: float, exponent: int) -> None:
    """Whatever float32 series comes in, it is normalised as exactly as double precision would."""
    base = np.random.default_rng(seed).standard_normal((2, 50))
    series = ((base + offset) * 10.0**exponent).astype(np.float32)
    np.testing.assert_allclose(_graph(series), _exact(series), atol=2e-5)


def test_a_large_offset_costs_nothing() -> None:
    """An offset of a million, which leaves steps of 1/16, is taken off without further loss."""
    series = (np.random.default_rng(0).standard_normal((8, 500)) + 1e6).astype(np.float32)
    np.testing.assert_allclose(_graph(series), _exact(series), atol=2e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -3e38, 1e-40])
def test_a_constant_series_becomes_zeros(value: float) -> None:
    """A series without variation becomes zeros, not NaN."""
    np.testing.assert_array_equal(_graph(np.full((1, 20), value, np.float32)), np.zeros((1, 20)))


@settings(deadline=None, max_examples=100)
@given(npst.arrays(np.float32, (1, 16), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_no_finite_series_gives_nan(series: NDArray[np.float32]) -> None:
    """Float32's whole range, mixed in any way, comes out finite and of unit deviation, or as zeros."""
    normal: Any = _graph(series)
    assert np.isfinite(normal).all()
    deviation = normal.std(ddof=1)
    assert deviation == 0 or deviation == pytest.approx(1, abs=1e-3)


def test_it_leaves_no_custom_object_in_the_graph() -> None:
    """A model with it is made of built-in layers and operations, and loads in safe mode from its JSON."""
    series = keras.Input((20, 1))
    model = keras.Model(series, z_normalise(series))
    again = keras.models.model_from_json(model.to_json())
    x = np.random.default_rng(0).standard_normal((3, 20, 1)).astype(np.float32)
    np.testing.assert_array_equal(model(x), again(x))
