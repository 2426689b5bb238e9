"""Servers are ended, whatever becomes of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers.errors import PeerError
from benchmarks.peers.processes import Launch, running
from qa.harness.proc import is_alive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, which Linux has")

# A server that is deaf and leaves daemons in sessions of their own, as Ray does; one has another environment.
DAEMON = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(sleep, start_new_session=True)
unmarked = subprocess.Popen(sleep, start_new_session=True, env={})
print(child.pid, unmarked.pid, flush=True)
time.sleep(600)
"""


def interrupted(log: Path) -> Iterator[list[int]]:
    """Start the server, tell its daemons' process ids, and fail when told to go on."""
    with running(Launch([sys.executable, "-c", DAEMON]), log=log, timeout=0.2) as server:
        server.wait_until(lambda: log.read_text().endswith("\n"), seconds=60)
        assert server.memory().resident > server.memory().shared_once > 0
        yield [int(pid) for pid in log.read_text().split()]
        raise KeyboardInterrupt


def test_a_server_and_its_daemons_are_ended(tmp_path: Path) -> None:
    """Those in another session and those that ignore SIGTERM too, also if the block fails."""
    block = interrupted(tmp_path / "log")
    daemons = next(block)
    assert all(map(is_alive, daemons))
    with pytest.raises(KeyboardInterrupt):
        next(block)
    assert not any(map(is_alive, daemons))


def test_a_server_that_ends_early_is_quoted(tmp_path: Path) -> None:
    """Its last words say more than that it is not there."""
    launch = Launch([sys.executable, "-c", "import sys; print('no such model'); sys.exit(3)"])
    with (
        pytest.raises(PeerError, match="exited with code 3 before it was ready: no such model"),
        running(launch, log=tmp_path / "log") as server,
    ):
        server.wait_until(lambda: False, seconds=60)


def test_a_server_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    """The run goes on without it."""
    launch = Launch([sys.executable, "-c", "import time; time.sleep(600)"])
    with (
        pytest.raises(PeerError, match="not ready within 0 s"),
        running(launch, log=tmp_path / "log") as server,
    ):
        server.wait_until(lambda: False, seconds=0.1)


def test_a_server_that_does_nothing_is_idle(tmp_path: Path) -> None:
    """And one that never is does not hold up the run for ever."""
    quiet = Launch([sys.executable, "-c", "import time; time.sleep(600)"])
    busy = Launch([sys.executable, "-c", "while True: pass"])
    for launch in (quiet, busy):
        with running(launch, log=tmp_path / "log") as server:
            server.wait_until_idle(seconds=0.5, window=0.1)


def test_a_missing_program_is_a_peers_error(tmp_path: Path) -> None:
    """Not a traceback."""
    with (
        pytest.raises(PeerError, match="cannot be started"),
        running(Launch([str(tmp_path / "nothing")]), log=tmp_path / "log"),
    ):
        pass
