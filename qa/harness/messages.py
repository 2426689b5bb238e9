"""HTTP/1.1 messages as bytes: requests exactly as given, and responses parsed strictly.

An HTTP library would correct the invalid requests that are sent here.
"""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Iterable
from email.message import Message
from typing import Any, NamedTuple

import httptools
import numpy as np
from numpy.typing import NDArray

Headers = Iterable[tuple[str, str | bytes]]
_WITHOUT_BODY = frozenset({204, 304})


class Response(NamedTuple):
    """One response. Header names match in any case; a missing header is None."""

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
    """A POST with its body and a Content-Length, or in chunks of `chunks` bytes."""
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
    """The head of a request."""
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
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


class ResponseParser:
    """Parses the responses of one connection; httptools calls the `on_` methods.

    Args:
        heads: whether a head may be a complete response, as for HEAD. The next response then looks like
            its body.

    Attributes:
        responses: complete responses that were not returned yet, informational ones too.
        is_within: whether a part of another one was received.
        is_answered: whether a final response was received.
    """

    def __init__(self, *, heads: bool = False) -> None:
        self.responses: deque[Response] = deque()
        self.is_within = self.is_answered = False
        self._heads = heads
        self._fault = ""
        self._headers, self._body = Message(), bytearray()
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Parse received data.

        Raises:
            ValueError: it is not an HTTP/1.1 response, or its length is not given.
        """
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise ValueError(f"{self._fault or error} in {data[:80]!r}") from error

    def on_message_begin(self) -> None:
        """Start a response."""
        self._headers, self._body, self.is_within = Message(), bytearray(), True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header."""
        self._headers[name.decode("latin-1")] = value.decode("latin-1").strip(" \t")

    def on_headers_complete(self) -> None:
        """Check the head."""
        status = self._parser.get_status_code()
        if self._parser.get_http_version() != "1.1":
            self._fail(f"a response of HTTP/{self._parser.get_http_version()}")
        has_body = status >= 200 and status not in _WITHOUT_BODY
        if has_body and not ("content-length" in self._headers or "transfer-encoding" in self._headers):
            self._fail(f"a response {status} without Content-Length")
        if self._heads:
            self.is_within = False
            self.is_answered |= status >= 200

    def on_body(self, body: bytes) -> None:
        """Add a part of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Complete the response."""
        status = self._parser.get_status_code()
        self.responses.append(Response(status, self._headers, bytes(self._body)))
        self.is_within = False
        self.is_answered |= status >= 200

    def _fail(self, fault: str) -> None:
        self._fault = fault
        raise ValueError(fault)


def read_answers(written: bytes) -> list[Response]:
    """All responses that were written to a connection; each must be complete.

    Raises:
        EOFError: the last one is incomplete.
    """
    parser = ResponseParser()
    parser.feed(written)
    if parser.is_within:
        raise EOFError(f"{len(written)} bytes end within a response")
    return list(parser.responses)


def read_whole_answers(written: bytes) -> list[Response]:
    """The responses that were written to a connection so far; the last may still be incomplete."""
    parser = ResponseParser()
    parser.feed(written)
    return list(parser.responses)
