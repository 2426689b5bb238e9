"""Writes the parts of a response in one system call, so that a killed process leaves no half of it."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl


class CoalescingTransport:
    """A transport that joins all writes within one iteration of the event loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write at the end of the loop's iteration, together with other writes."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def write_now(self, data: bytes) -> None:
        """Write at once, after earlier writes: for a complete response."""
        self._flush()
        self._transport.write(data)

    def write_eof(self) -> None:
        """Flush, then close the sending side."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Flush, then close."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection is closed or closing."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        # Writing to a connection that the client has reset would log an error.
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        """All other attributes of the transport."""
        return getattr(self._transport, name)


class ReadFlowControl(FlowControl):
    """`FlowControl` that does not resume reading while received bytes wait for their turn.

    Attributes:
        is_held: whether bytes wait; set by the connection.
    """

    is_held = False

    def resume_reading(self) -> None:
        """Resume reading, unless it is held."""
        if not self.is_held:
            super().resume_reading()
