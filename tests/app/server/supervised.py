"""A real supervisor with the processes of `small_workers`, as tests use it."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qa.harness.process import wait_until
from qa.harness.server import ServerProcess
from tests.app.server.small_workers import TIMEOUT_SECONDS, Options


class Supervised(ServerProcess):
    """A running supervisor on any free port."""

    def ready(self, workers: int = 2) -> dict[int, int]:
        """Process IDs by number of worker, once so many workers have been ready."""
        return {int(number): int(pid) for number, pid in self.wait_for_log(READY, times=workers)}

    def is_closed(self) -> bool:
        """Whether connections are refused."""
        try:
            self.connect().close()
        except ConnectionRefusedError:
            return True
        return False

    def connect(self) -> socket.socket:
        """A connection to any worker."""
        (port,) = self.wait_for_log(r"port (\d+)")[:1]
        return socket.create_connection(("127.0.0.1", int(port)), timeout=TIMEOUT_SECONDS)

    def ask(self, *commands: str) -> dict[str, Any]:
        """The state of any worker, on a new connection; then send it other commands."""
        with self.connect() as connection, connection.makefile("rw") as lines:
            lines.write("\n".join(["who", *commands, ""]))
            lines.flush()
            known: dict[str, Any] = json.loads(lines.readline())
            return known


READY = r"worker (\d+) \(pid (\d+)\) is ready"


@contextmanager
def supervised(folder: Path, **options: Any) -> Iterator[Supervised]:
    """A supervisor with these options, killed with its workers at the end."""
    command = [sys.executable, "-m", "tests.app.server.small_workers", json.dumps(asdict(Options(**options)))]
    server = Supervised(command, log=folder / "log")
    try:
        server.start()
        yield server
    finally:
        server.kill()


def gone(pid: int) -> bool:
    """Wait until a process has ended."""

    def is_gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(is_gone)
    return True
