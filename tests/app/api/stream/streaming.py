"""A client of `POST /predict/stream` on one socket, that sends and reads when the test says so."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from typing import Any

import httptools
import numpy as np
from numpy.typing import NDArray

from qa.harness.http_client import Connection
from qa.harness.messages import Headers, head

NDJSON, BINARY = "application/x-ndjson", "application/octet-stream"


def as_lines(values: Iterable[object]) -> bytes:
    """Values as NDJSON."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def as_float32(values: NDArray[np.floating]) -> bytes:
    """Values as raw little-endian float32."""
    return values.astype("<f4").tobytes()


class Ended(ConnectionError):
    """The connection ended before the response did."""


class Stream(Connection):
    """One stream.

    Args:
        url: of the server.
        query: of the request, without the question mark.
        headers: of the request; without a Content-Type the body is NDJSON.
        seconds: after which waiting ends with a `TimeoutError`.
        receive_bytes: size of the socket's buffer for what it receives; 0 for the system's own.

    Attributes:
        status: of the response; 0 until its head has come.
    """

    def __init__(
        self, url: str, query: str = "", headers: Headers = (), *, seconds: float = 30, receive_bytes: int = 0
    ) -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        connected = socket.socket()
        if receive_bytes:  # before it connects: the largest window is agreed on then
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connected.settimeout(seconds)
        connected.connect((host, int(port)))
        super().__init__(connected)
        self._parser = httptools.HttpResponseParser(self)
        self._text = b""
        self._is_complete = False
        self.status = 0
        target = f"/predict/stream?{query}" if query else "/predict/stream"
        self.send_raw(head("POST", target, [("Transfer-Encoding", "chunked"), *headers]))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def send(self, body: bytes) -> None:
        """Send a piece of the body."""
        if body:
            self.send_raw(b"%x\r\n%b\r\n" % (len(body), body))

    def send_all(self, body: bytes) -> None:
        """Send a body as one piece, and its end."""
        self.send(body)
        self.end()

    def end(self) -> None:
        """End the body."""
        self.send_raw(b"0\r\n\r\n")

    def line(self) -> dict[str, Any]:
        """The next line.

        Raises:
            Ended: there is none.
        """
        while b"\n" not in self._text:
            if self._is_complete or not self._receive():
                raise Ended(f"no line; left: {self._text!r}")
        line, _, self._text = self._text.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def lines(self) -> list[dict[str, Any]]:
        """All lines to the end of the response.

        Raises:
            Ended: the connection ends before the response.
        """
        while not self._is_complete:
            if not self._receive():
                raise Ended(f"left: {self._text!r}")
        *lines, rest = self._text.split(b"\n")
        assert rest == b""
        return [json.loads(line) for line in lines]

    def content(self) -> dict[str, Any]:
        """The document of a response that is no stream."""
        while not self._is_complete:
            if not self._receive():
                raise Ended
        document: dict[str, Any] = json.loads(self._text)
        return document

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            return False
        self._parser.feed_data(data)
        return bool(data)

    # Called by the parser.

    def on_headers_complete(self) -> None:
        """Keep the status."""
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """Add a part of the body."""
        self._text += body

    def on_message_complete(self) -> None:
        """Complete the response."""
        self._is_complete = True


def exchange(
    url: str, pieces: Iterable[bytes], query: str = "", headers: Headers = ()
) -> list[dict[str, Any]]:
    """Send a body in these pieces, and read all lines of its response.

    The response must fit into the sockets' buffers, or be read by the client meanwhile: this one does not.
    """
    with Stream(url, query, headers) as stream:
        for piece in pieces:
            stream.send(piece)
        stream.end()
        found = stream.lines()
        assert stream.status == 200
        return found
