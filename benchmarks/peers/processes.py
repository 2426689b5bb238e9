"""Server processes: started in a group of their own, found again whatever they become, and always ended.

Some servers start daemons that leave the group (Ray does). Every process inherits a mark in its environment,
so that all of them are found in /proc, and none that this command did not start. Linux alone.
"""

from __future__ import annotations

import atexit
import os
import resource
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers import proc
from benchmarks.peers.errors import HarnessError, PeerError

_live: set[str] = set()


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line, what it adds to the environment, and where it runs."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


class Running:
    """A started server."""

    def __init__(self, process: subprocess.Popen[bytes], *, mark: str, log: Path, started: float) -> None:
        self._process = process
        self._mark = mark
        self._log = log
        self.started = started

    def wait_until(self, ready: Callable[[], bool], *, seconds: float, pause: float = 0.01) -> float:
        """Ask until the answer is yes; seconds since the start.

        Raises:
            PeerError: the process ended, or it took too long.
        """
        while not ready():
            if (code := self._process.poll()) is not None:
                raise PeerError(f"the server ended with {code} before it was ready: {self.last_words()}")
            if time.perf_counter() - self.started > seconds:
                raise PeerError(f"not ready within {seconds:.0f} s: {self.last_words()}")
            time.sleep(pause)
        return time.perf_counter() - self.started

    def memory(self) -> proc.Memory:
        """What the server's processes hold now."""
        return proc.memory(self._mark)

    def wait_until_idle(self, *, seconds: float = 15, window: float = 0.5, share: float = 0.2) -> None:
        """Wait until its processes use less than a share of a core: the first worker is ready before others.

        It gives up after some seconds: a few servers are never idle.
        """
        deadline = time.monotonic() + seconds
        before = proc.processor_seconds(self._mark)
        while time.monotonic() < deadline:
            time.sleep(window)
            now = proc.processor_seconds(self._mark)
            if now - before < share * window:
                return
            before = now

    def last_words(self) -> str:
        """The last line of its log that says something, shortened."""
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1][:200] if lines else "it logged nothing"

    def stop(self, *, seconds: float) -> None:
        """Ask the group to end, and kill what is left of it."""
        _signal_group(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            proc.kill(self._mark)
            self._process.wait()


@contextmanager
def running(launch: Launch, *, log: Path, patience: float = 15) -> Iterator[Running]:
    """The server of a command, ended however the block ends.

    Args:
        launch: the command.
        log: a file for what it prints.
        patience: seconds that it has to end when asked to; then it is killed.

    Raises:
        PeerError: the command cannot be started.
    """
    mark = uuid.uuid4().hex
    environment = {**os.environ, **launch.environment, proc.MARK: mark}
    started = time.perf_counter()
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                list(launch.command),
                env=environment,
                cwd=launch.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise PeerError(f"cannot be started: {error}") from error
    _live.add(mark)
    server = Running(process, mark=mark, log=log, started=started)
    try:
        yield server
    finally:
        server.stop(seconds=patience)
        _live.discard(mark)


def end_on_signals() -> None:
    """Turn SIGTERM into an exception, as Ctrl-C is one, so that servers are ended on the way out.

    A second Ctrl-C may cut that short; what is left then is killed as this process ends.
    """
    atexit.register(_kill_what_is_left)

    def end(number: int, _: object) -> None:
        raise HarnessError(f"stopped by {signal.Signals(number).name}; nothing is left running")

    signal.signal(signal.SIGTERM, end)


def _kill_what_is_left() -> None:
    for mark in list(_live):
        proc.kill(mark)


def allow_many_connections() -> None:
    """Raise the limit of open files to what is allowed, for this process and those that it starts."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
