"""`app.engines.calls`: every row is computed, at the least cost."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engines.base import powers_of_two
from app.engines.calls import CALL_IN_ROWS, Calls

SIZES = (1, 2, 4, 8, 16)


def cost(calls: tuple[int, ...]) -> float:
    """What calls cost, in rows."""
    return sum(calls) + CALL_IN_ROWS * len(calls)


@given(largest=st.integers(1, 64), rows=st.integers(1, 300))
def test_every_row_has_a_place_and_padding_is_at_the_end(largest: int, rows: int) -> None:
    """All calls but the last are full."""
    calls = Calls(powers_of_two(largest))(rows)
    assert set(calls) <= set(powers_of_two(largest))
    assert sum(calls[:-1]) < rows <= sum(calls)


@pytest.mark.parametrize("rows", range(1, 17))
def test_no_other_calls_would_be_cheaper(rows: int) -> None:
    """Of all that have room for the rows."""
    others = (sizes for count in range(1, 5) for sizes in combinations_with_replacement(SIZES, count))
    assert cost(Calls(SIZES)(rows)) == min(cost(sizes) for sizes in others if sum(sizes) >= rows)


@pytest.mark.parametrize(
    ("rows", "calls"), [(1, (1,)), (3, (4,)), (9, (8, 1)), (11, (8, 4)), (15, (16,)), (40, (16, 16, 8))]
)
def test_a_row_of_padding_is_cheaper_than_a_call(rows: int, calls: tuple[int, ...]) -> None:
    """Many rows of it are not."""
    assert Calls(SIZES)(rows) == calls
