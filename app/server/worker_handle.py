"""A worker as its supervisor sees it: a process and the socket of its heartbeats."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence

from app.server.heartbeat import Heartbeat

# Makes the command line of a worker from the descriptors of the listening socket and the heartbeat socket.
Command = Callable[[int, int], Sequence[str]]

_EXIT_POLL_SECONDS = 0.01
# Exit codes of a worker that a stop signal ended before its first heartbeat: it had no requests to finish.
_STOPPED = (-signal.SIGTERM, -signal.SIGINT)


class WorkerProcess:
    """A started worker.

    Args:
        number: of the worker, from 1; its replacement gets the same.
        command: makes its command line.
        listener: the listening socket that the process inherits.

    Attributes:
        number: as given.
        was_ready: whether it was ready once.
        message: the last message in its heartbeats.
        kill_reason: why it was killed because it hung; empty if it was not.

    Raises:
        OSError: there is no process, memory or descriptor for it.
    """

    def __init__(self, number: int, command: Command, listener: socket.socket) -> None:
        self.number = number
        self.was_ready = False
        self.message = ""
        self.kill_reason = ""
        self._has_sent = False
        self._pending_signals: set[int] = set()
        self._age = 0.0
        self._silence = 0.0
        self._reader: asyncio.StreamReader | None = None
        self._channel, theirs = socket.socketpair()
        with theirs:
            descriptors = listener.fileno(), theirs.fileno()
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own command line
                    command(*descriptors),
                    stdin=subprocess.DEVNULL,
                    pass_fds=descriptors,
                    # Ctrl+C at a terminal goes to the supervisor only, which passes it on: not twice.
                    process_group=0,
                )
            except OSError:
                self._channel.close()
                raise

    @property
    def pid(self) -> int:
        """Process ID."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code, or the negative number of the signal that ended it; None while it runs."""
        return self._process.returncode

    @property
    def exited_cleanly(self) -> bool:
        """Whether it finished all requests that it had accepted."""
        return self.exit_code == 0 or (not self._has_sent and self.exit_code in _STOPPED)

    @property
    def exit_reason(self) -> str:
        """How it ended, for the log."""
        if self.kill_reason:
            return f"hung and was killed: {self.kill_reason}"
        code = self.exit_code or 0
        if code < 0:
            reason = f"was ended by signal {-code} ({signal.strsignal(-code)})"
        else:
            reason = f"ended with exit code {code}"
        return f"{reason}: {self.message}" if self.message else reason

    async def next_heartbeat(self) -> Heartbeat | None:
        """Its next heartbeat; None once it has ended, and `exit_code` is set."""
        if self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(sock=self._channel)
        while line := await self._reader.readline():
            try:
                heartbeat = Heartbeat.from_line(line)
            except ValueError:
                continue  # the process ended in the middle of a line
            self._on_heartbeat()
            return heartbeat
        await self._reap()
        return None

    def add_silence(self, seconds: float) -> None:
        """Count time without a heartbeat."""
        self._age += seconds
        self._silence += seconds

    def hang_reason(self, *, worker_timeout: float, start_seconds: float) -> str:
        """Why it counts as hanging; empty if it does not."""
        if self.was_ready:
            return f"no heartbeat for {worker_timeout:g} s" if self._silence > worker_timeout else ""
        return f"not ready after {start_seconds:g} s" if self._age > start_seconds else ""

    def kill(self, reason: str) -> None:
        """Kill it because it hangs."""
        self.kill_reason = reason or "it reported that it is not alive"
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        self._process.send_signal(number)

    def send_signal_after_start(self, number: int) -> None:
        """Send it a signal after its first heartbeat: without a handler, the signal would end it."""
        if self._has_sent:
            self.send_signal(number)
        else:
            self._pending_signals.add(number)

    def _on_heartbeat(self) -> None:
        self._silence = 0.0
        self._has_sent = True
        while self._pending_signals:
            self.send_signal(self._pending_signals.pop())

    async def _reap(self) -> None:
        # The socket normally ends with the process. A process that closed it cannot be watched and is killed.
        self._process.kill()
        while self._process.poll() is None:  # noqa: ASYNC110 - ends at once, so no SIGCHLD handler
            await asyncio.sleep(_EXIT_POLL_SECONDS)
        self._writer.close()
