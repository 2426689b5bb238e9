"""`app.inference.engines.size_plan`: every row is computed, at the least cost."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inference.engines.base import powers
from app.inference.engines.size_plan import CALL_IN_ROWS, START_IN_ROWS, SizePlan

SIZES = (1, 4, 16)


def cost(calls: tuple[int, ...]) -> float:
    """What calls cost, in rows."""
    return sum(calls) + CALL_IN_ROWS * len(calls) + START_IN_ROWS * len(set(calls))


@given(base=st.integers(2, 4), largest=st.integers(1, 64), rows=st.integers(1, 300))
def test_every_row_has_a_place_and_padding_is_at_the_end(base: int, largest: int, rows: int) -> None:
    """All calls but the last are full."""
    sizes = powers(base, largest)
    calls = SizePlan(sizes)(rows)
    assert set(calls) <= set(sizes)
    assert sum(calls[:-1]) < rows <= sum(calls)
    assert list(calls) == sorted(calls, reverse=True)


@pytest.mark.parametrize("rows", range(1, 17))
def test_no_other_calls_would_be_cheaper(rows: int) -> None:
    """Of all that have room for the rows."""
    others = (sizes for count in range(1, 7) for sizes in combinations_with_replacement(SIZES, count))
    cheapest = min(cost(sizes) for sizes in others if sum(sizes) >= rows)
    assert cost(SizePlan(SIZES)(rows)) == pytest.approx(cheapest)


@pytest.mark.parametrize(
    ("rows", "calls"),
    [(1, (1,)), (2, (4,)), (5, (4, 4)), (8, (4, 4)), (9, (16,)), (17, (16, 1)), (18, (16, 4))],
)
def test_a_row_of_padding_is_cheaper_than_a_graph_more(rows: int, calls: tuple[int, ...]) -> None:
    """Many rows of it are not."""
    assert SizePlan(SIZES)(rows) == calls
