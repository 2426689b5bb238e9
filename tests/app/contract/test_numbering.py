"""`app.contract.numbering`: one spelling for each version, everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contract import MAX_VERSION, version_number
from deploy.image import VERSION

NONE = [
    "",
    "0",
    "007",
    "-1",
    "+1",
    " 1",
    "1 ",
    "1\n",
    "1.0",
    "1e3",
    "0x1",
    "1_000",
    "٣",
    "²",
    "Ⅳ",
    "v1",
    "1,5",
]
LONG = ["1" * 10, "1" * 255, "9" * 5000]


@pytest.mark.parametrize("text", [*NONE, *LONG])
def test_what_is_not_a_plain_number_is_none(text: str) -> None:
    """Also what `isdecimal`, `isdigit` or `int` take, and what `int` refuses with a trace."""
    assert version_number(text) is None


@given(st.integers(1, MAX_VERSION))
def test_every_number_has_one_spelling(number: int) -> None:
    """That which Python gives it."""
    assert version_number(str(number)) == number
    assert version_number(f"0{number}") is None


@pytest.mark.parametrize("text", [*NONE, *LONG, "1", "42", str(MAX_VERSION), str(MAX_VERSION + 1)])
def test_the_image_check_takes_the_same_names(text: str) -> None:
    """It cannot import the server's rule."""
    assert (VERSION.fullmatch(text) is not None) == (version_number(text) is not None)
