"""An asyncio client for one connection; many can run at once."""

from __future__ import annotations

import asyncio
import socket
from typing import Self, cast

from qa.harness.http_client import HOST, RESET, BrokenResponse, NoResponse
from qa.harness.messages import Response, ResponseParser


class AsyncHttpClient(asyncio.Protocol):
    """A connection to a port of this machine, open until either side closes it.

    Args:
        heads: see `ResponseParser`.

    Attributes:
        local_port: the client's port; it identifies this connection among those of a server process.
        parser: has the responses that were not returned yet.
        fault: received data that is not HTTP; empty if none.
        heard: set once there is a final response, a fault, or the end of the connection.
        ended: set when the connection ends, also by a reset.
    """

    def __init__(self, *, heads: bool = False) -> None:
        self.local_port = 0
        self.parser = ResponseParser(heads=heads)
        self.fault = ""
        self.heard, self.ended = asyncio.Event(), asyncio.Event()
        self._received = 0  # bytes since the last request
        self._waiting: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def connect(cls, port: int, *, seconds: float = 10.0, heads: bool = False) -> Self:
        """Connect to a port of this machine.

        Raises:
            NoResponse: nothing listens there, or accepts within `seconds`.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, client = await loop.create_connection(lambda: cls(heads=heads), HOST, port)
        except OSError as error:  # also of the timeout
            raise NoResponse(f"no connection: {error or type(error).__name__}") from error
        return client

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent, and no data was received that could be taken for its response."""
        unasked = self.parser.responses or self.parser.is_within or self.fault
        return not unasked and not self.is_closing

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._transport is None or self._transport.is_closing()

    async def ask(self, request: bytes, *, seconds: float) -> Response:
        """Send a request and wait for its response. After an error the connection is closed.

        Raises:
            NoResponse: the connection ended, or `seconds` passed, before a byte was received.
            BrokenResponse: the received data is not exactly one complete response.
        """
        if not self.is_open:
            self.close()
            raise NoResponse("the connection had ended")
        self._received = 0
        self._waiting = asyncio.get_running_loop().create_future()
        self.send(request)
        try:
            async with asyncio.timeout(seconds):
                await self._waiting
            return self._take()
        except TimeoutError:
            self.close()
            raise self._error(f"nothing more within {seconds:g} s") from None
        except BaseException:
            self.close()
            raise
        finally:
            self._waiting = None

    def send(self, data: bytes) -> None:
        """Send without waiting.

        Raises:
            NoResponse: the connection had ended.
        """
        if self._transport is None or self._transport.is_closing():
            raise NoResponse("the connection had ended")
        self._transport.write(data)

    def shut_down_sending(self) -> None:
        """Close the sending side, and continue to read."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def reset(self) -> None:
        """Close it with a reset, as a client that has crashed does."""
        if self._transport is not None and not self._transport.is_closing():
            ours = self._transport.get_extra_info("socket")
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close()

    def close(self) -> None:
        """Close it."""
        if self._transport is not None and not self.ended.is_set():  # asyncio's own fails after the end
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class does not derive from it
        self.local_port = transport.get_extra_info("sockname")[1]

    def data_received(self, data: bytes) -> None:
        """Parse responses."""
        self._received += len(data)
        if self.fault:
            return
        try:
            self.parser.feed(data)
        except ValueError as error:
            self.fault = str(error)
        if self.parser.is_answered or self.fault:
            self.heard.set()
        if self.parser.responses or self.fault:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all waiting."""
        del exc
        self.heard.set()
        self.ended.set()
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _take(self) -> Response:
        if self.fault:
            raise BrokenResponse(self.fault)
        if not self.parser.responses:
            raise self._error("the connection ended")
        response = self.parser.responses.popleft()
        if self.parser.responses or self.parser.is_within:
            raise BrokenResponse("something follows the response")
        if response.headers["connection"] == "close":
            self.close()
        return response

    def _error(self, what: str) -> NoResponse | BrokenResponse:
        if self._received:
            return BrokenResponse(f"{what} after {self._received} bytes of a response")
        return NoResponse(what)
