"""HTTP/1.1 by the byte: requests, answers, and a connection to a real server.

An HTTP client would put right what these tests send wrong.
"""

from __future__ import annotations

import io
import json
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.client import parse_headers
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

Headers = Iterable[tuple[str, str | bytes]]


class Answer(NamedTuple):
    """One answer; header names match in any case."""

    status: int
    headers: Message
    body: bytes


def post(
    body: bytes = b"",
    headers: Headers = (),
    *,
    target: str = "/predict",
    chunks: int | None = None,
    version: str = "1.1",
) -> bytes:
    """A POST with its body, whose length is told, or which comes in chunks of so many bytes."""
    if chunks is None:
        length = ("Content-Length", str(len(body)))
        return head("POST", target, [length, *headers], version=version) + body
    pieces = [body[start : start + chunks] for start in range(0, len(body), chunks)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    return head("POST", target, [("Transfer-Encoding", "chunked"), *headers], version=version) + framed


def get(target: str) -> bytes:
    """A GET."""
    return head("GET", target)


def head(method: str, target: str, headers: Headers = (), *, version: str = "1.1") -> bytes:
    """A request up to its body."""
    fields = [("Host", "x"), *headers]
    lines = [f"{method} {target} HTTP/{version}".encode()]
    lines += [name.encode() + b": " + (v if isinstance(v, bytes) else v.encode()) for name, v in fields]
    return b"".join(line + b"\r\n" for line in [*lines, b""])


def as_json(series: NDArray[np.float32]) -> bytes:
    """A JSON body."""
    return json.dumps({"instances": series.astype(float).tolist()}).encode()


def as_npy(array: NDArray[Any]) -> bytes:
    """An array as `numpy.save` writes it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def told(answer: Answer) -> tuple[int, dict[str, str], Any]:
    """An answer without what differs each time: the time it took and, unless its caller gave it, its id."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert len(headers) == len(answer.headers), f"a header came twice: {answer.headers}"
    headers["server-timing"] = re.sub(r"dur=[\d.]+", "dur=#", headers.get("server-timing", ""))
    headers.pop("date", None)
    document: Any = answer.body
    if headers.get("content-type", "").endswith("json"):
        document = json.loads(answer.body)
        if headers["content-type"] == "application/problem+json":
            assert document.pop("request_id", None) == headers.get("x-request-id")
    if re.fullmatch("[0-9a-f]{32}", headers.get("x-request-id", "")):
        headers["x-request-id"] = "new"
    return answer.status, headers, document


def read_answer(file: BinaryIO) -> Answer:
    """The next answer in a file; an `EOFError` where it ends."""
    line = file.readline()
    if not line.endswith(b"\n"):
        raise EOFError(f"the connection ended after {line!r}")
    version, status, _ = line.split(b" ", 2)
    assert version == b"HTTP/1.1", line
    headers = parse_headers(file)
    length = int(headers["content-length"] or 0)
    body = file.read(length)
    if len(body) < length:
        raise EOFError(f"the connection ended after {len(body)} of {length} bytes")
    return Answer(int(status), headers, body)


def read_whole_answers(written: bytes) -> list[Answer]:
    """The answers that were written to a connection so far; the last may still be incomplete."""
    file, answers = io.BytesIO(written), []
    try:
        while file.tell() < len(written):
            answers.append(read_answer(file))
    except EOFError:
        pass
    return answers


def read_answers(written: bytes) -> list[Answer]:
    """All the answers that were written to a connection, each of them whole."""
    file, answers = io.BytesIO(written), []
    while file.tell() < len(written):
        answers.append(read_answer(file))
    return answers


class Wire:
    """A connection to a real server.

    Args:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def read(self) -> Answer:
        """The next answer; an `EOFError` if the server ends the connection instead."""
        return read_answer(self._file)

    def ask(self, request: bytes) -> Answer:
        """Send a request and read its answer."""
        self.send(request)
        return self.read()

    def read_to_the_end(self) -> list[Answer]:
        """All answers up to the end of the connection, which is the server's to end."""
        try:
            return read_answers(self._file.read())
        except ConnectionResetError:  # it ended the connection with bytes of ours unread
            return []

    def shut_down_sending(self) -> None:
        """Send nothing more, and read on."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Hang up as a caller that has crashed does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


@contextmanager
def wire_to(url: str) -> Iterator[Wire]:
    """A connection to a server, closed at the end."""
    wire = Wire(url)
    try:
        yield wire
    finally:
        wire.close()
