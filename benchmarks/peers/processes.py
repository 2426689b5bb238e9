"""Processes of other servers, started in their own group and always ended, with their daemons."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.errors import HarnessError, PeerError
from qa.harness import proc
from qa.harness.process import NotServing
from qa.harness.server import ServerProcess


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line, its environment variables and its folder."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of all processes. `shared_once` counts a page shared by n processes as 1/n in each."""

    resident: int
    shared_once: int


class Running(ServerProcess):
    """A started server."""

    def memory(self) -> Memory:
        """Memory of the server's processes now."""
        sizes = [proc.memory(pid) for pid in self.pids]
        return Memory(sum(resident for resident, _ in sizes), sum(shared for _, shared in sizes))

    def wait_until_idle(self, *, seconds: float = 15, window: float = 0.5, share: float = 0.2) -> None:
        """Wait until its processes use less than a share of a core: the first worker is ready before others.

        It returns after `seconds` in any case: a few servers are never idle.
        """
        deadline = time.monotonic() + seconds
        before = self._cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(window)
            now = self._cpu_seconds()
            if now - before < share * window:
                return
            before = now

    def _cpu_seconds(self) -> float:
        return sum(proc.cpu_seconds(pid) for pid in self.pids)


@contextmanager
def running(launch: Launch, *, log: Path, timeout: float = 15) -> Iterator[Running]:
    """Run the server of a command; it is stopped when the block ends.

    Args:
        launch: the command.
        log: file of its output.
        timeout: seconds to end after SIGTERM; then it is killed.

    Raises:
        PeerError: the command cannot be started, or a wait fails.
    """
    log.unlink(missing_ok=True)
    server = Running(launch.command, log=log, settings=launch.environment)
    try:
        server.start(folder=launch.folder)
        try:
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            with suppress(NotServing):
                server.wait(seconds=timeout)
    except NotServing as error:
        raise PeerError(str(error)) from error
    finally:
        server.kill()


def end_on_signals() -> None:
    """Turn SIGTERM into an exception, like Ctrl+C, so that servers are stopped."""

    def end(number: int, _: object) -> None:
        raise HarnessError(f"stopped by {signal.Signals(number).name}; all processes have been stopped")

    signal.signal(signal.SIGTERM, end)
