"""`app.system.file_reads`: a read that hangs stops neither the event loop nor the end of the process."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading

import pytest

from app.system.file_reads import logged_when_slow, read_off_loop
from tests.app.inference.test_service import until
from tests.conftest import ROOT

# Reads from a pipe that nobody writes to, as from a mount that does not answer: no signal ends it.
HANGING = """
import asyncio, os
from app.system.file_reads import read_off_loop

async def scenario():
    reading, _ = os.pipe()
    task = asyncio.create_task(read_off_loop(lambda: os.read(reading, 1)))
    await asyncio.sleep(0.1)
    print("goes on", task.done(), flush=True)
    task.cancel()

asyncio.run(scenario())
"""


def test_a_read_runs_on_another_thread() -> None:
    """Its result is returned and its error raised."""

    def fail() -> None:
        raise PermissionError("no")

    async def scenario() -> int:
        with pytest.raises(PermissionError, match="no"):
            await read_off_loop(fail)
        return await read_off_loop(threading.get_ident)

    assert asyncio.run(scenario()) != threading.get_ident()


def test_a_read_that_hangs_stops_neither_the_loop_nor_the_end_of_the_process() -> None:
    """The interpreter waits for the threads of a pool; not for this one."""
    ended = subprocess.run(
        [sys.executable, "-c", HANGING], cwd=ROOT, timeout=60, check=True, stdout=subprocess.PIPE, text=True
    )
    assert ended.stdout == "goes on False\n"


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Levels and messages of log entries about files."""
    return [
        (each.levelname, each.getMessage()) for each in caplog.records if each.name == "app.system.file_reads"
    ]


def test_what_takes_long_is_logged_once_and_once_more_when_it_is_over(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the read ends with an error, such as a timeout of the mount."""
    monkeypatch.setattr("app.system.file_reads.SLOW_SECONDS", 0.001)

    async def scenario() -> None:
        with logged_when_slow("/keys", "not read", meanwhile="the old ones stay good"):
            await until(lambda: bool(logged(caplog)))
            await asyncio.sleep(0.01)
            raise TimeoutError

    with caplog.at_level(logging.INFO), pytest.raises(TimeoutError):
        asyncio.run(scenario())
    warning = "/keys: not read after 0.001 s, its file system may hang; the old ones stay good"
    assert logged(caplog) == [("WARNING", warning), ("INFO", "/keys: done after 0 s")]


def test_what_is_quick_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Reads happen every second."""

    async def scenario() -> None:
        with logged_when_slow("/keys", "not read", meanwhile="the old ones stay good"):
            await read_off_loop(threading.get_ident)

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    assert logged(caplog) == []


def test_a_read_that_timed_out_is_not_counted_as_answered(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second line is left out when the server ends while a mount hangs."""
    monkeypatch.setattr("app.system.file_reads.SLOW_SECONDS", 0.001)

    async def hang() -> None:
        with logged_when_slow("/keys", "not read", meanwhile="the old ones stay good"):
            await asyncio.Event().wait()

    async def scenario() -> None:
        task = asyncio.create_task(hang())
        await until(lambda: bool(logged(caplog)))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    assert [level for level, _ in logged(caplog)] == ["WARNING"]
