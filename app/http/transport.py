"""Writing what belongs together as one piece: one system call, and a killed process leaves no half of it."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl


class CoalescingTransport:
    """A transport that gathers what is written within one turn of the event loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write with what else is written before the loop goes on."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def write_whole(self, data: bytes) -> None:
        """Write at once, behind what was written before: for what is all there."""
        self._flush()
        self._transport.write(data)

    def write_eof(self) -> None:
        """Write what there is, and tell the other end that no more comes."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Write what there is, and close."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection has ended, or is to."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        # A caller that has reset the connection reads nothing; writing to it would be an error in the log.
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        """Everything else is the connection's."""
        return getattr(self._transport, name)


class ReadFlowControl(FlowControl):
    """`FlowControl` that does not resume reading while there is something that was not read on purpose.

    Attributes:
        is_held: whether there is; for the connection to set.
    """

    is_held = False

    def resume_reading(self) -> None:
        """Read on, unless what has come is enough for now."""
        if not self.is_held:
            super().resume_reading()
