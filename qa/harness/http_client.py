"""A client for one connection that reports exactly what went wrong.

An HTTP library would retry, or report two cases as one: no response at all, and a part of a response.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from qa.harness.messages import Response, ResponseParser

HOST = "127.0.0.1"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with 0 s: closing sends a reset


class NoResponse(ConnectionError):
    """No byte of a response arrived: the connection was refused or closed, or timed out."""


class BrokenResponse(ConnectionError):
    """The received data is not exactly one complete response."""


class Connection:
    """A blocking connection, closed at the end of its context.

    Args:
        connected: the socket.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        """Return the open connection."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def shut_down_sending(self) -> None:
        """Close the sending side, and continue to read."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close it with a reset, as a client that has crashed does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close()

    def close(self) -> None:
        """Close it."""
        self._socket.close()


class HttpClient(Connection):
    """A connection for requests and whole responses.

    Args:
        address: the URL of a server, or a port of this machine.
        seconds: timeout of sending and of receiving; then `TimeoutError`.
        source: address to connect from.

    Raises:
        OSError: nothing listens there.
    """

    def __init__(self, address: str | int, *, seconds: float = 60, source: str = "") -> None:
        host, _, port = str(address).removeprefix("http://").rpartition(":")
        super().__init__(socket.create_connection((host or HOST, int(port)), seconds, (source, 0)))
        self._parser = ResponseParser()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def read(self) -> Response:
        """The next response, informational ones too.

        Raises:
            NoResponse: the server ends the connection before it.
            BrokenResponse: it ends the connection within one, or sends something else.
        """
        while not self._parser.responses:
            if not self._receive():
                raise _ended(self._parser)
        return self._parser.responses.popleft()

    def ask(self, request: bytes) -> Response:
        """Send a request and read its response; see `read`."""
        self.send(request)
        return self.read()

    def read_to_the_end(self) -> list[Response]:
        """All responses until the server closes the connection.

        Raises:
            BrokenResponse: it ends the connection within one, or sends something else.
        """
        while self._receive():
            pass
        if self._parser.is_within:
            raise _ended(self._parser)
        responses = list(self._parser.responses)
        self._parser.responses.clear()
        return responses

    def _receive(self) -> bool:
        """Read received data; False at the end. A server that has not read all bytes ends with a reset."""
        try:
            data = self._socket.recv(2**18)
            self._parser.feed(data)
        except ConnectionResetError:
            return False
        except ValueError as error:
            raise BrokenResponse(str(error)) from error
        return bool(data)


def exchange(
    address: str | int,
    sent: bytes | Iterable[bytes],
    *,
    half_close: bool = False,
    seconds: float = 60,
    source: str = "",
) -> Response:
    """Send bytes on a new connection, and read one response.

    Args:
        address: the URL of a server, or a port of this machine.
        sent: all at once, or part by part from an iterator.
        half_close: close the sending side after them.
        seconds: see `HttpClient`.
        source: address to connect from.

    Raises:
        NoResponse: the server ends the connection without one.
        BrokenResponse: the received data is not a response.
        OSError: nothing listens there, or nothing is received within `seconds`.
    """
    with HttpClient(address, seconds=seconds, source=source) as client:
        for part in (sent,) if isinstance(sent, bytes) else sent:
            client.send(part)
        if half_close:
            client.shut_down_sending()
        return client.read()


def _ended(parser: ResponseParser) -> NoResponse | BrokenResponse:
    if parser.is_within:
        return BrokenResponse("the connection ended within a response")
    return NoResponse("the connection ended before a response")
