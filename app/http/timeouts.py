"""What a connection waits for, and how long.

Uvicorn waits without end for a first request, for the rest of a head, and for a caller to read its response:
a few thousand callers that do nothing would take all descriptors of the process.
"""

from __future__ import annotations

import asyncio
import math
from typing import NamedTuple

from app.system.deadlines import DeadlineTimer

HEAD_SECONDS = 10.0  # a first request has begun after so many, and any head is complete
READ_SECONDS = 10.0  # a response that is written was read
DISCARD_SECONDS = 10.0  # the rest of a body has come that is thrown away
LINGER_SECONDS = 1.0  # a caller has read why its connection ends, and has ended it too


class Timeouts(NamedTuple):
    """Seconds that a caller has."""

    head: float = HEAD_SECONDS
    read: float = READ_SECONDS
    discard: float = DISCARD_SECONDS
    linger: float = LINGER_SECONDS


class ConnectionTimer:
    """One timer for all that a connection waits for; the connection ends when that has not come in time.

    A request limits its own time: while there is one, this waits for `nothing`.

    Args:
        loop: that the connection is on.
        transport: of the connection.
        timeouts: in seconds.
        keep_alive: seconds to wait for another request.

    Attributes:
        deadline: on the clock of the loop; infinite while it waits for nothing.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        timeouts: Timeouts,
        keep_alive: float,
    ) -> None:
        self.deadline = math.inf
        self._loop, self._transport = loop, transport
        self._timeouts, self._keep_alive = timeouts, keep_alive
        self._expiry = DeadlineTimer(loop, self._look)  # its timer may be due earlier than the deadline
        self._then = 0.0  # seconds for what is waited for after that
        self._in_head = False

    def first_request(self) -> None:
        """Wait for a request on a new connection."""
        self._wait(self._timeouts.head)

    def head(self) -> None:
        """Wait for the rest of a head; what comes of it extends nothing."""
        if not self._in_head:
            self._in_head = True
            self._wait(self._timeouts.head)

    def nothing(self) -> None:
        """Wait for nothing: a request has begun."""
        self.deadline = math.inf
        self._in_head = False

    def reading(self) -> None:
        """Wait until the caller has read what was written."""
        self._in_head = False
        self._wait(self._timeouts.read)

    def next_request(self) -> None:
        """Wait for another request; but first, and not for as long, until the last response was read."""
        read, keep_alive = self._timeouts.read, self._keep_alive
        self._wait(min(read, keep_alive), keep_alive - read)

    def rest_of_body(self) -> None:
        """Wait for the rest of a body that was answered before it had come."""
        self._wait(self._timeouts.discard)

    def end(self) -> None:
        """Wait until the caller has read the last response, and a little for it to end the connection."""
        if self._transport.get_write_buffer_size():
            self._wait(self._timeouts.read, self._timeouts.linger)
        else:
            self._wait(self._timeouts.linger)

    def close(self) -> None:
        """Wait for nothing any more, and let go of what refers back to this."""
        self._expiry.cancel()
        del self._expiry

    def _wait(self, seconds: float, then: float = 0.0) -> None:
        self._then = then
        self.deadline = self._loop.time() + seconds
        self._expiry.watch(self.deadline)

    def _look(self, now: float) -> float:
        """End a connection whose caller has done nothing for too long; until when to wait otherwise."""
        if now < self.deadline:
            return self.deadline
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # closing would wait for the caller to read
        elif self._then > 0:  # the response has been read
            self.deadline, self._then = now + self._then, 0.0
            return self.deadline
        else:
            self._transport.close()
        return math.inf
