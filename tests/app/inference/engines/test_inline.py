"""`app.inference.engines.inline`: calls on the caller's own thread."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.inference.engines.inline import HUNG_EXIT_CODE, LIMITS, InlineCalls, inline_batch_rows
from app.series.spec import SeriesSpec
from tests.support.fakes import FakeEngine, by_first_value

HANGING = """
import logging, threading
from app.inference.engines.inline import InlineCalls
from app.series.spec import SeriesSpec
logging.basicConfig()
calls = InlineCalls(rows=1, timeout=0.2)
for _ in range(3):
    calls.run(lambda: None)
calls.run(threading.Event().wait)
"""


def test_what_a_call_returns_or_raises_is_passed_on() -> None:
    """A call that fails leaves nothing behind."""
    calls = InlineCalls(rows=1, timeout=60)

    def fail() -> None:
        raise KeyError("no")

    with pytest.raises(KeyError, match="no"):
        calls.run(fail)
    assert calls.run(lambda: 42) == 42
    calls.close()


def test_a_process_that_hangs_in_a_call_is_ended(root: Path) -> None:
    """It says why, and its exit code is one that no success has."""
    done = subprocess.run(
        [sys.executable, "-c", HANGING],
        cwd=str(root),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == HUNG_EXIT_CODE
    assert "an inline engine call has blocked the event loop for 0.2 s" in done.stderr


def test_many_calls_that_return_are_not_one_that_hangs() -> None:
    """The watch tells calls apart: this process would end otherwise."""
    calls = InlineCalls(rows=1, timeout=0.05)
    until = time.monotonic() + 0.2
    while time.monotonic() < until:
        calls.run(lambda: time.sleep(0.001))
    calls.close()


def test_as_many_rows_are_brief_as_the_engine_is_quick_at() -> None:
    """One row more takes too long."""

    def quick_for_two(series: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(series) > 2:
            time.sleep(2 * LIMITS.seconds)
        return by_first_value(series)

    assert inline_batch_rows(FakeEngine(quick_for_two), SeriesSpec(3), limits=LIMITS) == 2


def test_nothing_is_brief_to_a_slow_engine() -> None:
    """Not even one row."""

    def slow(series: NDArray[np.float32]) -> NDArray[np.float32]:
        time.sleep(2 * LIMITS.seconds)
        return by_first_value(series)

    assert inline_batch_rows(FakeEngine(slow), SeriesSpec(3), limits=LIMITS) == 0


def test_nothing_is_measured_where_nothing_is_wanted() -> None:
    """The engine is not asked."""
    engine = FakeEngine()
    assert inline_batch_rows(engine, SeriesSpec(3), limits=LIMITS._replace(rows=0)) == 0
    assert engine.batches == []


def test_no_more_rows_are_brief_than_a_batch_has() -> None:
    """An engine is never given more than it was made for."""
    assert inline_batch_rows(FakeEngine(max_rows=2), SeriesSpec(3), limits=LIMITS) <= 2
