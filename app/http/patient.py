"""Uvicorn's HTTP/1.1 on a connection that writes each answer as one piece, and that nobody holds for ever.

Uvicorn writes the headers of an answer and its body one after the other. A process that is killed in between
leaves half an answer, which no balancer can ask for again; and each write is a system call. It waits without
end for a first request, for the rest of a head, and for a caller to read its answer: a few thousand callers
that do nothing would take all descriptors of the process.

It knows nothing of this service: what waits for a body or for an answer limits itself.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

from app.http.plain_http import PlainHttp
from app.http.transport import Flow, Gathering
from app.system.deadlines import Expiry

# Seconds that a head may take from its first byte to its last, and the reading of an answer that is written.
HEAD_SECONDS = 10.0
READ_SECONDS = 10.0


class Patient(PlainHttp):
    """`PlainHttp` with one write an answer, and one timer for all that it waits for."""

    flow: Flow

    head_seconds = HEAD_SECONDS
    read_seconds = READ_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._patience = Expiry(self.loop, self._look)
        # Until when a caller may do nothing; the timer may be an earlier one's.
        self._patient_until = math.inf
        self._spare_seconds = 0.0
        self._waits_for_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the gathering transport between the protocol and the connection, and expect a request."""
        super().connection_made(Gathering(transport, self.loop))  # type: ignore[arg-type]
        self.flow = Flow(self.transport)
        self.wait(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more, and let go of all that knows this connection.

        It is then freed with the last reference to it. In a circle it would stay until a full garbage
        collection, and thousands of such make one that stops the event loop for tenths of a second.
        """
        self._patience.cancel()
        del self._patience
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Much is written that the caller does not read: it has a while."""
        super().pause_writing()
        self.wait(self.read_seconds)

    def wait_for_next(self) -> None:
        """Expect another request; but first, and not for as long, that the answer to the last one is read."""
        self.wait(min(self.read_seconds, self.timeout_keep_alive))
        self._spare_seconds = self.timeout_keep_alive - self.read_seconds

    def close(self) -> None:
        """Close the connection once the caller has read what was written; it has a while for that."""
        self.wait(self.read_seconds)
        self.transport.close()

    def wait_for_head(self) -> None:
        """Expect the rest of a head; what comes of it buys no time."""
        if not self._waits_for_head:
            self.wait(self.head_seconds)
            self._waits_for_head = True

    def wait_for_nothing(self) -> None:
        """What answers a request says how long it waits."""
        self._patient_until = math.inf
        self._waits_for_head = False

    def wait(self, seconds: float) -> None:
        """End the connection if its caller does nothing for so long."""
        self._spare_seconds = 0.0
        self._patient_until = self.loop.time() + seconds
        self._patience.watch(self._patient_until)

    def _look(self, now: float) -> float:
        """End a connection whose caller has done nothing for too long; until when to be patient otherwise."""
        if now < self._patient_until:
            return self._patient_until
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # closing would wait for the caller to read
        elif self._spare_seconds > 0:  # the answer has been read
            self._patient_until, self._spare_seconds = now + self._spare_seconds, 0.0
            return self._patient_until
        else:
            self.transport.close()
        return math.inf
