"""Heartbeats of a worker to its supervisor: a line of JSON on a socket pair, twice a second.

The worker sends from its event loop, so a blocked loop sends nothing. Each side sees the end of the other as
the end of the socket. Only the standard library: the supervisor imports this.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

INTERVAL_SECONDS = 0.5
# Exit code of a worker that could not start and would fail again.
FAILED = 1
# A line must fit into the socket's buffer in one piece.
_MAX_MESSAGE = 4000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The state of a worker.

    Attributes:
        ready: whether it accepts requests.
        alive: False if it must be replaced.
        message: what is wrong, or why it ends; otherwise empty.
    """

    ready: bool
    alive: bool
    message: str = ""

    def to_line(self) -> bytes:
        """The heartbeat as a line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Heartbeat:
        """Parse a line of JSON.

        Raises:
            ValueError: the line is not a heartbeat.
        """
        try:
            return cls(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a heartbeat: {line!r}") from error


class HeartbeatSender:
    """The worker's end of the socket.

    Args:
        descriptor: of the socket. It stays open until the process ends.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._last = Heartbeat(ready=False, alive=True)
        self._was_ready = False

    async def run(self, state: Callable[[], Heartbeat], *, on_loss: Callable[[], None]) -> None:
        """Send heartbeats until the supervisor has ended.

        Args:
            state: the worker's state now.
            on_loss: called once, when the supervisor has ended.
        """
        lost = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._descriptor, lost.set)  # the supervisor sends nothing: readable means the end
        try:
            while not lost.is_set():
                self.send(state())
                try:
                    async with asyncio.timeout(INTERVAL_SECONDS):
                        await lost.wait()
                except TimeoutError:
                    pass
        finally:
            loop.remove_reader(self._descriptor)
        on_loss()

    def send(self, heartbeat: Heartbeat) -> None:
        """Send a heartbeat now."""
        self._last = heartbeat
        self._was_ready |= heartbeat.ready
        self._write(heartbeat)

    def send_message(self, message: str) -> bool:
        """Send why the worker ends; False if it could not be sent."""
        return self._write(Heartbeat(self._last.ready, self._last.alive, message))

    def keep_in_log(self, record: logging.LogRecord) -> bool:
        """Log filter that sends critical entries of a worker that starts to the supervisor.

        All workers fail to start for the same reason, and the supervisor logs it once.
        """
        if record.levelno < logging.CRITICAL or self._was_ready:
            return True
        return not self.send_message(record.getMessage())

    def _write(self, heartbeat: Heartbeat) -> bool:
        line = Heartbeat(heartbeat.ready, heartbeat.alive, heartbeat.message[:_MAX_MESSAGE]).to_line()
        try:
            return os.write(self._descriptor, line) == len(line)
        except OSError:  # the supervisor is stopped and does not read, or it has ended
            return False
