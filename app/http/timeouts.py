"""Timeouts of a connection.

Uvicorn has no timeout for the first request, the rest of a head, or a client that does not read its response:
a few thousand idle clients would take all file descriptors of the process.
"""

from __future__ import annotations

import asyncio
import math
import random
from typing import NamedTuple

from app.system.deadlines import DeadlineTimer

HEAD_SECONDS = 10.0  # for the first byte of the first request, and for any complete head
READ_SECONDS = 10.0  # for the client to read a written response
DISCARD_SECONDS = 10.0  # for the rest of a body that is discarded
LINGER_SECONDS = 1.0  # for the client to close the connection after the last response
AGE_JITTER = 0.1  # of the maximum age


class Timeouts(NamedTuple):
    """Timeouts in seconds."""

    head: float = HEAD_SECONDS
    read: float = READ_SECONDS
    discard: float = DISCARD_SECONDS
    linger: float = LINGER_SECONDS


class ConnectionTimer:
    """One timer for all timeouts of a connection; at the deadline, the connection is closed.

    A request has its own timeout: while there is one, this timer is stopped.

    Args:
        loop: of the connection.
        transport: of the connection.
        timeouts: in seconds.
        keep_alive_timeout: seconds for another request.
        max_age: seconds after which the connection is old, changed by up to `AGE_JITTER`; 0 means never.

    Attributes:
        deadline: on the clock of the loop; infinite while the timer is stopped.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        timeouts: Timeouts,
        keep_alive_timeout: float,
        *,
        max_age: float = 0.0,
    ) -> None:
        self.deadline = math.inf
        self._loop, self._transport = loop, transport
        # Connections that were opened together, after a restart, say, must not end together.
        jitter = random.uniform(1 - AGE_JITTER, 1 + AGE_JITTER)  # noqa: S311 - keeps no secret
        self._old_from = loop.time() + max_age * jitter if max_age else math.inf
        self._timeouts, self._keep_alive_timeout = timeouts, keep_alive_timeout
        self._timer = DeadlineTimer(loop, self._expire)  # may be due before the deadline
        self._then = 0.0  # seconds that are added at the deadline
        self._in_head = False

    @property
    def is_old(self) -> bool:
        """Whether the connection has reached its maximum age and should end with its next response."""
        return self._loop.time() >= self._old_from

    def wait_for_first_request(self) -> None:
        """Wait for a request on a new connection."""
        self._wait(self._timeouts.head)

    def wait_for_head(self) -> None:
        """Wait for the rest of a head; parts of it do not extend the timeout."""
        if not self._in_head:
            self._in_head = True
            self._wait(self._timeouts.head)

    def stop(self) -> None:
        """Stop: a request has begun."""
        self.deadline = math.inf
        self._in_head = False

    def wait_for_read(self) -> None:
        """Wait until the client has read what was written."""
        self._in_head = False
        self._wait(self._timeouts.read)

    def wait_for_next_request(self) -> None:
        """Wait until the last response was read, then for another request."""
        read, keep_alive = self._timeouts.read, self._keep_alive_timeout
        self._wait(min(read, keep_alive), keep_alive - read)

    def wait_for_rest_of_body(self) -> None:
        """Wait for the rest of a body after its response."""
        self._wait(self._timeouts.discard)

    def wait_for_close(self) -> None:
        """Wait until the client has read the last response, then for it to close the connection."""
        if self._transport.get_write_buffer_size():
            self._wait(self._timeouts.read, self._timeouts.linger)
        else:
            self._wait(self._timeouts.linger)

    def close(self) -> None:
        """Stop for good, and drop references that lead back to this."""
        self._timer.cancel()
        del self._timer

    def _wait(self, seconds: float, then: float = 0.0) -> None:
        self._then = then
        self.deadline = self._loop.time() + seconds
        self._timer.watch(self.deadline)

    def _expire(self, now: float) -> float:
        """Close the connection if the deadline has passed; return the next deadline."""
        if now < self.deadline:
            return self.deadline
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # closing would wait for the client to read
        elif self._then > 0:  # the response has been read
            self.deadline, self._then = now + self._then, 0.0
            return self.deadline
        else:
            self._transport.close()
        return math.inf
