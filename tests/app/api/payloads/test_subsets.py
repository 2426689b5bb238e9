"""`app.api.payloads.subsets`: JSON lists of some of a few things."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.payloads.subsets import FlagTexts, SubsetTexts

NAMES = [f'"{i}' for i in range(20)]


@given(st.integers(1, 20), st.data())
def test_each_row_is_the_list_of_what_it_chooses(things: int, data: st.DataObject) -> None:
    """Few things or many, written beforehand or not, in their order."""
    names = NAMES[:things]
    rows = data.draw(
        st.lists(st.lists(st.booleans(), min_size=things, max_size=things), min_size=1, max_size=5)
    )
    texts = SubsetTexts([json.dumps(name) for name in names])(np.array(rows))
    assert [json.loads(text) for text in texts] == [
        [name for name, chosen in zip(names, row, strict=True) if chosen] for row in rows
    ]


@pytest.mark.parametrize("things", [8, 9])
def test_none_and_all_can_be_chosen(things: int) -> None:
    """At the limit of what is written beforehand and beyond."""
    write = SubsetTexts([str(i) for i in range(things)])
    none, everything = write(np.array([[False] * things, [True] * things]))
    assert none == "[]"
    assert everything == f"[{','.join(map(str, range(things)))}]"


@given(st.integers(1, 20), st.data())
def test_flags_are_booleans_one_for_each_item(items: int, data: st.DataObject) -> None:
    """Few items or many, in their order."""
    rows = data.draw(
        st.lists(st.lists(st.booleans(), min_size=items, max_size=items), min_size=1, max_size=5)
    )
    assert [json.loads(text) for text in FlagTexts(items)(np.array(rows))] == rows
