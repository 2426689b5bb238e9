"""One connection of the open-loop client, with the least of HTTP that it needs.

It does not use `qa.harness`: it shares the cores with the server and must be cheap.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

HEAD_END = b"\r\n\r\n"


class Owner(Protocol):
    """Receives the outcomes of requests."""

    def is_free(self, connection: Connection) -> None:
        """A connection is free for a request."""

    def finished(self, number: int, status: int) -> None:
        """A request got its response."""

    def lost(self, connection: Connection) -> None:
        """A connection was closed."""


class Connection(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self.number: int | None = None  # of the request that waits for its response

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport, and report the connection as free."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class does not derive from it
        self._owner.is_free(self)

    def send(self, number: int, request: bytes) -> None:
        """Send a request."""
        assert self._transport is not None  # noqa: S101 - requests are sent only on free connections
        self.number = number
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Parse a response; when it is complete, the connection is free again."""
        self._received += data
        end = self._received.find(HEAD_END)
        if end < 0 or len(self._received) < end + len(HEAD_END) + content_length(self._received[:end]):
            return
        status, self._received = int(self._received[9:12]), b""
        number, self.number = self.number, None
        if number is not None:
            self._owner.finished(number, status)
        self._owner.is_free(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Report the connection and its request as lost."""
        self._owner.lost(self)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()


def content_length(head: bytes) -> int:
    """The Content-Length of a response's head.

    Raises:
        ValueError: it has none; other framings are not supported here.
    """
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError(f"a response without Content-Length: {head[:200]!r}")
