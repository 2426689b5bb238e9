"""Processes are waited for, and ended with all that they started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from qa.harness.process import NotServing, Process, wait_until


def ending(code: str, log: Path) -> Process:
    """A process that serves nothing, started."""
    server = Process((sys.executable, "-c", code), log=log, settings={})
    server.start()
    return server


def test_a_server_that_ends_early_is_quoted(tmp_path: Path) -> None:
    """Its last line says more than that it is not there."""
    server = ending("print('one'); print('no such model'); raise SystemExit(3)", tmp_path / "log")
    with pytest.raises(NotServing, match="exited with code 3 before it was ready: no such model"):
        server.wait_until(lambda: False)
    server.kill()


def test_waiting_has_an_end(tmp_path: Path) -> None:
    """For what it is to become, and for its end."""
    server = ending("import time; print('busy', flush=True); time.sleep(600)", tmp_path / "log")
    server.wait_for_log("busy")
    with pytest.raises(NotServing, match="not idle within 0 s: busy"):
        server.wait_until(lambda: False, "idle", seconds=0.1)
    with pytest.raises(NotServing, match=r"did not end within 0\.1 s: busy"):
        server.wait(seconds=0.1)
    with pytest.raises(NotServing, match="nobody came"):
        wait_until(lambda: False, lambda: "nobody came", seconds=0.1)
    server.kill()


def test_all_that_a_server_started_is_killed_with_it(tmp_path: Path) -> None:
    """Also what left its session, and what ignores that it is asked to end."""
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print('started', flush=True); time.sleep(600)"
    )
    server = ending(code, tmp_path / "log")
    server.wait_for_log("started")
    assert len(server.pids) == 2
    assert len(server.workers) == 1
    server.kill()
    assert server.pids == []


def test_a_missing_program_is_reported(tmp_path: Path) -> None:
    """And there is nothing to be killed then."""
    server = Process([str(tmp_path / "nothing")], log=tmp_path / "log", settings={})
    with pytest.raises(NotServing, match="cannot be started"):
        server.start()
    server.kill()
