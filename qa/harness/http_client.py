"""A client for one connection that reports exactly what went wrong.

A library for HTTP would try again, or join what is told apart here: no response at all, and a part of one.
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


class HttpClient:
    """A connection that waits.

    Args:
        address: the URL of a server, or a port of this machine.
        seconds: after which a `TimeoutError` ends waiting for bytes to be sent or to come.
        source: address to connect from.

    Raises:
        OSError: nobody listens.
    """

    def __init__(self, address: str | int, *, seconds: float = 60, source: str = "") -> None:
        host, _, port = str(address).removeprefix("http://").rpartition(":")
        self._socket = socket.create_connection((host or HOST, int(port)), seconds, (source, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = ResponseParser()

    def __enter__(self) -> Self:
        """It is open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

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

    def shut_down_sending(self) -> None:
        """Send nothing more, and read on."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close it with a reset, as a client that has crashed does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _receive(self) -> bool:
        """Read what has come; False at the end. A server that has bytes of ours unread ends with a reset."""
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
        sent: all at once, or part by part as an iterator makes them.
        half_close: shut down the sending side after them.
        seconds: see `HttpClient`.
        source: address to connect from.

    Raises:
        NoResponse: the server ends the connection without one.
        BrokenResponse: what comes is none.
        OSError: nobody listens, or nothing comes within `seconds`.
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
