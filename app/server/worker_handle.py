"""A worker as its supervisor sees it: a process, the socket of its heartbeats, and what they said."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence

from app.server.heartbeat import Heartbeat

# The command line of a worker, from the descriptors of the listening socket and of its heartbeat.
Command = Callable[[int, int], Sequence[str]]

_END_POLL_SECONDS = 0.01
# What a worker may die of before it has said a word: it had nothing to finish.
_STOPS = (-signal.SIGTERM, -signal.SIGINT)


class WorkerProcess:
    """A started worker.

    Args:
        number: of the worker's place, from 1; a replacement has the same.
        command: makes its command line.
        listener: is inherited by it.

    Attributes:
        number: as given.
        was_ready: whether it was ready once.
        words: the last that it said of what is wrong.
        fault: why it was killed as one that hangs; empty if it was not.

    Raises:
        OSError: there is no process, memory or descriptor for it.
    """

    def __init__(self, number: int, command: Command, listener: socket.socket) -> None:
        self.number = number
        self.was_ready = False
        self.words = ""
        self.fault = ""
        self._was_heard = False
        self._waiting_signals: set[int] = set()
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
                    # Ctrl+C at a terminal is for the supervisor alone, which passes it on: not twice.
                    process_group=0,
                )
            except OSError:
                self._channel.close()
                raise

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code, or the negative number of the signal that ended it; None until it has ended."""
        return self._process.returncode

    @property
    def ended_well(self) -> bool:
        """Whether it finished what it had accepted."""
        return self.code == 0 or (not self._was_heard and self.code in _STOPS)

    @property
    def account(self) -> str:
        """How it ended, for people."""
        if self.fault:
            return f"hung and was killed: {self.fault}"
        code = self.code or 0
        if code < 0:
            how = f"was ended by signal {-code} ({signal.strsignal(-code)})"
        else:
            how = f"ended with exit code {code}"
        return f"{how}: {self.words}" if self.words else how

    async def next_beat(self) -> Heartbeat | None:
        """Its next heartbeat; None, and `code` is set, once it has ended."""
        if self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(sock=self._channel)
        while line := await self._reader.readline():
            try:
                beat = Heartbeat.of_line(line)
            except ValueError:
                continue  # its end came in the middle of a line
            self._hear()
            return beat
        await self._bury()
        return None

    def passes(self, seconds: float) -> None:
        """Let it have been silent for so much longer."""
        self._age += seconds
        self._silence += seconds

    def hangs(self, *, worker_timeout: float, start_seconds: float) -> str:
        """Why it is taken to hang; empty if it is not."""
        if self.was_ready:
            return f"no heartbeat for {worker_timeout:g} s" if self._silence > worker_timeout else ""
        return f"not ready after {start_seconds:g} s" if self._age > start_seconds else ""

    def kill(self, why: str) -> None:
        """End it, because it hangs."""
        self.fault = why or "it says that it is not alive"
        self.send(signal.SIGKILL)

    def send(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        self._process.send_signal(number)

    def send_when_heard(self, number: int) -> None:
        """Send it a signal, but not before its first heartbeat: until then it may die of it."""
        if self._was_heard:
            self.send(number)
        else:
            self._waiting_signals.add(number)

    def _hear(self) -> None:
        self._silence = 0.0
        self._was_heard = True
        while self._waiting_signals:
            self.send(self._waiting_signals.pop())

    async def _bury(self) -> None:
        # The socket ends with the process; one that let go of it otherwise could not be watched any more.
        self._process.kill()
        while self._process.poll() is None:  # noqa: ASYNC110 - a matter of moments, so no SIGCHLD handler
            await asyncio.sleep(_END_POLL_SECONDS)
        self._writer.close()
