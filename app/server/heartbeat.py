"""What a worker tells its supervisor: how it is, in a line of JSON on a socket pair, twice a second.

The worker writes from its event loop, so a loop that is blocked is silent. Each side notices that the other
is no more by the end of the socket. Only the standard library: the supervisor imports this.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

SECONDS = 0.5
# The exit code of a worker that could not start, and would not if it were started again.
FAILED = 1
# A line has to fit into the socket's buffer in one piece.
_MOST_WORDS = 4000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How a worker is.

    Attributes:
        ready: whether it takes requests.
        alive: whether it is worth keeping.
        words: what is wrong, or why it ends; empty if there is nothing to say.
    """

    ready: bool
    alive: bool
    words: str = ""

    def line(self) -> bytes:
        """The beat as it is sent."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Heartbeat:
        """The beat that was sent.

        Raises:
            ValueError: it was not a beat.
        """
        try:
            return cls(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not a heartbeat: {line!r}") from error


class HeartbeatSender:
    """The worker's end.

    Args:
        descriptor: of the socket. It is never closed: its end is the end of the process.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._beat = Heartbeat(ready=False, alive=True)
        self._was_ready = False

    async def run(self, state: Callable[[], Heartbeat], *, on_loss: Callable[[], None]) -> None:
        """Tell how the worker is until the supervisor is gone.

        Args:
            state: how it is now.
            on_loss: called once, if the supervisor is no more.
        """
        lost = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._descriptor, lost.set)  # nothing is ever sent this way: only the end is read
        try:
            while not lost.is_set():
                self.beat(state())
                try:
                    async with asyncio.timeout(SECONDS):
                        await lost.wait()
                except TimeoutError:
                    pass
        finally:
            loop.remove_reader(self._descriptor)
        on_loss()

    def beat(self, beat: Heartbeat) -> None:
        """Tell how the worker is, now."""
        self._beat = beat
        self._was_ready |= beat.ready
        self._send(beat)

    def say(self, words: str) -> bool:
        """Tell why the worker ends; False if nobody listens."""
        return self._send(Heartbeat(self._beat.ready, self._beat.alive, words))

    def hands_on(self, record: logging.LogRecord) -> bool:
        """A filter of log entries: why a worker cannot start is for the supervisor to tell, once for all."""
        if record.levelno < logging.CRITICAL or self._was_ready:
            return True
        return not self.say(record.getMessage())

    def _send(self, beat: Heartbeat) -> bool:
        line = Heartbeat(beat.ready, beat.alive, beat.words[:_MOST_WORDS]).line()
        try:
            return os.write(self._descriptor, line) == len(line)
        except OSError:  # a supervisor that is stopped reads nothing; one that is gone never will
            return False
