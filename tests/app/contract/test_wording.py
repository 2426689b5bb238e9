"""`app.contract.wording`: what libraries say, on one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contract.wording import MOST_REASON, reason_of


def test_a_reason_is_whole_and_on_one_line() -> None:
    """The first line is only where an error was raised."""
    error = RuntimeError("Exception from src/core.cpp:84:\nCheck 'x' failed:\n\n  Incorrect weights!\r\n\n")
    assert reason_of(error) == "Exception from src/core.cpp:84: Check 'x' failed: Incorrect weights!"


def test_of_a_long_reason_start_and_end_are_left() -> None:
    """Where it was raised is said first, and why last."""
    line = reason_of(ValueError("where " + "x" * 5000 + " why"))
    assert line.startswith("where xxx")
    assert line.endswith("xxx why")
    assert " … " in line
    assert len(line) == MOST_REASON


@pytest.mark.parametrize("error", [RuntimeError(), RuntimeError(""), RuntimeError("\n \n")])
def test_an_error_without_a_message_shows_its_type(error: Exception) -> None:
    """Rather than nothing."""
    assert reason_of(error) == "RuntimeError"


def test_a_temporary_folder_is_left_out(tmp_path: Path) -> None:
    """It is gone when somebody reads the line."""
    error = RuntimeError(f'Could not open the file: "{tmp_path}/model.xml"')
    assert reason_of(error, without=tmp_path) == 'Could not open the file: "model.xml"'


@given(st.text(max_size=3000))
def test_any_text_becomes_one_short_printable_line(text: str) -> None:
    """Escape sequences would colour a terminal, line breaks forge a line of the log."""
    line = reason_of(RuntimeError(text))
    assert line.isprintable()
    assert 0 < len(line) <= MOST_REASON
