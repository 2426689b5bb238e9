"""`app.system.file_limit`, and a server that has none left: real processes with real limits."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.system.file_limit import RESERVED
from qa.harness.http_client import HttpClient
from qa.harness.messages import get
from qa.harness.proc import cpu_seconds, held
from qa.harness.process import wait_until
from qa.harness.server import running_server


def limits_after(root: Path, connections: int, *, soft: int, hard: int) -> tuple[int, int, str]:
    """The limits of a process after `raise_fd_limit`, and its log."""
    code = (
        "import resource, sys; from app.system.file_limit import raise_fd_limit\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[3])))\n"
        "raise_fd_limit(int(sys.argv[1])); print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    command = [sys.executable, "-c", code, *map(str, (connections, soft, hard))]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    now = done.stdout.split()
    return int(now[0]), int(now[1]), done.stderr


@pytest.mark.parametrize(
    ("connections", "soft", "hard", "then"),
    [
        (500, 300, 1000, 500 + RESERVED),
        (500, 900, 1000, 900),
        (500, 500 + RESERVED, 1000, 500 + RESERVED),
        (0, 300, 1000, 1000),
        (1000 - RESERVED, 300, 1000, 1000),
    ],
)
def test_the_limit_is_raised_to_what_is_needed(
    root: Path, connections: int, soft: int, hard: int, then: int
) -> None:
    """It is never lowered, and nothing is logged."""
    assert limits_after(root, connections, soft=soft, hard=hard) == (then, hard, "")


def test_a_hard_limit_that_is_too_low_is_logged(root: Path) -> None:
    """The soft limit is raised to the hard limit, and the warning says what to do."""
    soft, hard, logged = limits_after(root, 1001 - RESERVED, soft=300, hard=1000)
    assert (soft, hard) == (1000, 1000)
    assert "needs 1001 file descriptors, and the hard limit is 1000" in logged
    assert "lower MAX_CONNECTIONS" in logged


def test_a_server_without_a_descriptor_left_goes_on() -> None:
    """It serves open connections, does not spin, and accepts new ones once descriptors are free."""
    with running_server() as server, HttpClient(server.url) as connected:
        assert connected.ask(get("/livez")).status == 200
        pid, now = server.pid, held(server.pid).descriptors
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (now + 5, hard))
        crowd = [HttpClient(server.url) for _ in range(30)]
        wait_until(lambda: held(pid).descriptors >= now + 5)
        before, started = cpu_seconds(pid), time.monotonic()
        time.sleep(0.5)
        taken = cpu_seconds(pid) - before
        assert taken < (time.monotonic() - started) / 2
        assert connected.ask(get("/readyz")).status == 200
        for wire in crowd:
            wire.close()
        wait_until(lambda: held(pid).descriptors <= now)
        with HttpClient(server.url) as new:
            assert new.ask(get("/readyz")).status == 200
        assert server.process.poll() is None
