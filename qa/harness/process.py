"""Starts real processes, waits for them, and kills them with all their children."""

from __future__ import annotations

import atexit
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from qa.harness import proc

ROOT = Path(__file__).parents[2]
# For a start or a stop, on a busy machine.
WAIT_SECONDS = 90.0
_POLL_SECONDS = 0.01


class NotServing(Exception):
    """A process did not start, become ready or reach an awaited state."""


class Process:
    """A process that can be started again and again.

    Args:
        command: starts it.
        log: a file that its output is added to.
        settings: is added to this process's environment.

    Attributes:
        log: as given.
        started: `time.perf_counter` at the last start.
    """

    def __init__(self, command: Sequence[str], *, log: Path, settings: Mapping[str, str]) -> None:
        self.log = log
        self.started = 0.0
        self._command = command
        self._mark = uuid.uuid4().hex
        self._environment = {**os.environ, proc.MARK: self._mark, **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, folder: Path | None = ROOT) -> None:
        """Start it; it is ready some seconds later.

        Args:
            folder: where it runs; None for where this process does.

        Raises:
            NotServing: there is no such program.
        """
        atexit.register(self.kill)
        self.started = time.perf_counter()
        with self.log.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    list(self._command),
                    cwd=folder,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,  # Ctrl+C at a terminal goes to this process, which then ends it
                )
            except OSError as error:
                raise NotServing(f"cannot be started: {error}") from error

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        if self._process is None:
            raise NotServing("the process was not started")
        return self._process

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code; None while it runs."""
        return self.process.poll()

    @property
    def workers(self) -> list[int]:
        """The process ids of its children, oldest first."""
        return proc.children(self.pid)

    @property
    def pids(self) -> list[int]:
        """The ids of the process and of all that it started, daemons too."""
        return proc.marked(self._mark)

    @property
    def output(self) -> str:
        """Its output so far."""
        return self.log.read_text(errors="replace")

    def last_line(self) -> str:
        """The last line of its log that is not empty, shortened."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1][-300:] if lines else "it logged nothing"

    def wait_until(
        self, condition: Callable[[], bool], what: str = "ready", *, seconds: float = WAIT_SECONDS
    ) -> None:
        """Wait for a condition.

        Args:
            condition: true once it holds; an `OSError` counts as false.
            what: names the condition in the error.
            seconds: timeout.

        Raises:
            NotServing: it did not hold within `seconds`, or the process ended before.
        """

        def holds() -> bool:
            with suppress(OSError):
                if condition():
                    return True
            if (code := self.exit_code) is not None:
                raise NotServing(
                    f"the server exited with code {code} before it was {what}: {self.last_line()}"
                )
            return False

        wait_until(holds, lambda: f"not {what} within {seconds:.0f} s: {self.last_line()}", seconds=seconds)

    def wait_for_log(self, pattern: str, *, times: int = 1) -> list[Any]:
        """Wait until a pattern is in its log `times` times; return what its groups match.

        Raises:
            NotServing: there are fewer within `WAIT_SECONDS`; the process may have ended.
        """
        wait_until(
            lambda: len(re.findall(pattern, self.output)) >= times,
            lambda: f"not in the log within {WAIT_SECONDS:g} s: {pattern}\n{self.output}",
        )
        return re.findall(pattern, self.output)

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = WAIT_SECONDS) -> int:
        """Send a stop signal and wait for the end; return the exit code.

        Raises:
            NotServing: it does not end within `seconds`.
        """
        self.process.send_signal(number)
        return self.wait(seconds=seconds)

    def wait(self, *, seconds: float = WAIT_SECONDS) -> int:
        """Wait until it has ended; return the exit code.

        Raises:
            NotServing: it does not end within `seconds`.
        """
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise NotServing(f"it did not end within {seconds:g} s: {self.last_line()}") from None

    def kill(self) -> None:
        """Kill it and all processes that it started, and wait for their end."""
        atexit.unregister(self.kill)
        if self._process is not None:
            proc.kill_marked(self._mark)  # while its children can be found by their parent
            self._process.kill()
            self._process.wait()


def wait_until(
    condition: Callable[[], object],
    error: Callable[[], str] = lambda: "the condition did not hold in time",
    *,
    seconds: float = WAIT_SECONDS,
) -> None:
    """Wait for a condition that another thread or process makes true.

    Args:
        condition: true once it holds.
        error: returns the message if it does not.
        seconds: timeout.

    Raises:
        NotServing: it did not hold within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NotServing(error())
        time.sleep(_POLL_SECONDS)
