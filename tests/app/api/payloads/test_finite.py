"""`app.api.payloads.finite`: what is finite in float32, and the places of what is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from app.api.payloads.finite import to_finite_float32
from app.errors import ContractViolation

LARGEST = float(np.finfo(np.float32).max)
SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=8)
# Around the end of float32, where rounding decides.
NEAR_THE_END = st.floats(LARGEST * (1 - 1e-6), LARGEST * (1 + 1e-6))


@given(
    arrays.arrays(
        np.float64,
        SHAPES,
        elements=st.one_of(st.floats(width=64), NEAR_THE_END, NEAR_THE_END.map(float.__neg__)),
    )
)
def test_exactly_what_is_finite_in_float32_is_taken(values: NDArray[np.float64]) -> None:
    """Doubles of every size: each is the nearest float32, or the first that is none is named."""
    with np.errstate(over="ignore"):
        expected = values.astype(np.float32)
    wrong = np.argwhere(~np.isfinite(expected)).tolist()
    if not wrong:
        taken = to_finite_float32(values, is_invariant=False).series
        np.testing.assert_array_equal(taken, expected)
        assert taken.dtype == np.float32
        assert taken.flags.c_contiguous
        return
    with pytest.raises(ContractViolation) as raised:
        to_finite_float32(values)
    assert raised.value.violations[0][0] == "instances/{}/{}".format(*wrong[0])
