"""`app.telemetry.logs`, in a process of its own: logging is the process's business."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from app.telemetry.logs import RateLimitFilter

ENTRY = """
import logging
from app.telemetry import logs
logs.configure(level="info", style={style!r})
logging.getLogger("app.x").debug("hidden")
logging.getLogger("app.x").info("said %d", 3, extra={{"request_id": "abc"}})
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("app.x").exception("failed")
"""


@pytest.mark.parametrize("style", ["json", "text"])
def test_entries_are_written_to_standard_error(root: Path, style: str) -> None:
    """JSON has a line an entry, traces included, with what was passed along; text is for people."""
    code = ENTRY.format(style=style)
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "hidden" not in done.stderr
    if style == "text":
        assert "INFO     said 3" in done.stderr
        return
    said, failed = (json.loads(line) for line in done.stderr.splitlines())
    assert {
        "level": "INFO",
        "logger": "app.x",
        "message": "said 3",
        "request_id": "abc",
    }.items() <= said.items()
    assert "time" in said
    assert "ZeroDivisionError" in failed["exc_info"]


@pytest.mark.parametrize(("style", "words"), [("json", '"worker": 2, "pid": '), ("text", "worker 2: said")])
def test_one_of_several_workers_says_which_it_is(root: Path, style: str, words: str) -> None:
    """In every entry, so that they can be told apart in a log that they share."""
    code = f"""
import logging
from app.telemetry import logs
logs.configure(level="info", style={style!r}, worker=2)
logging.getLogger("app.x").info("said")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert words in done.stderr


def test_repeated_records_are_written_once_a_minute() -> None:
    """By the same logger in the same words, whatever is filled into them; others are not held up."""
    now = 0.0
    seldom = RateLimitFilter(seconds=60, clock=lambda: now)

    def passes(logger: str, words: str, *filled_in: object) -> bool:
        return seldom.filter(logging.LogRecord(logger, logging.ERROR, "", 0, words, filled_in, None))

    assert passes("x", "lost %d", 1)
    assert not passes("x", "lost %d", 2)
    assert passes("y", "lost %d", 3)
    assert passes("x", "found")
    now = 60.0
    assert passes("x", "lost %d", 4)
    for number in range(1000):
        assert passes("x", f"lost {number}")
    assert len(seldom._last) <= 100


def test_the_trace_exporters_records_are_limited_and_show_nothing_of_clients(root: Path) -> None:
    """A collector that is gone and a caller that sends nonsense can both be as persistent as they like."""
    code = """
import logging
from app.telemetry import logs
logs.configure(level="info", style="text")
for _ in range(9):
    logging.getLogger("opentelemetry.exporter.x").error("no collector")
    logging.getLogger("opentelemetry.trace.span").warning("a caller sent nonsense")
    logging.getLogger("app.x").info("said")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert [done.stderr.count(words) for words in ("no collector", "nonsense", "said")] == [1, 0, 9]
