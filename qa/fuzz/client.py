"""The client's end of a connection: every answer that comes on it, and whether it ends as it should."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

import httptools


class Answer(NamedTuple):
    """One answer, informational ones left out; names of headers are in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


@dataclass(slots=True)
class Seen:
    """What a client saw.

    Attributes:
        answers: those that came whole.
        closed: whether the server ended the connection, or confirmed the client's end.
        cut: whether it did so within an answer, and by itself.
        broken: what came that is no HTTP; empty if nothing.
        hung: whether it neither answered nor closed.
    """

    answers: list[Answer] = field(default_factory=list)
    closed: bool = False
    cut: bool = False
    broken: str = ""
    hung: bool = False


class Client(asyncio.Protocol):
    """Reads answers as they come; the parser calls the methods that begin with `on_`.

    Args:
        heads: are answers, too, without their bodies.

    Attributes:
        seen: so far.
        spoken_to: set once there is an answer or the end.
        ended: set at the end.
    """

    def __init__(self, *, heads: bool) -> None:
        self.seen = Seen()
        self.spoken_to = asyncio.Event()
        self.ended = asyncio.Event()
        self._heads = heads
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()
        self._within = False
        self._has_left = False

    def leave(self) -> bool:
        """Note that the client ends the connection first, which may cut an answer; False if one has begun."""
        self._has_left = not self._within
        return self._has_left

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self.seen.broken:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.seen.broken = f"{type(error).__name__}: {error} in {data[:80]!r}"
            self.spoken_to.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over. A reset is an end, too."""
        del exc
        self.seen.closed = True
        self.seen.cut = self._within and not self._has_left
        self.spoken_to.set()
        self.ended.set()

    def on_message_begin(self) -> None:
        """An answer begins."""
        self._headers, self._body, self._within = {}, bytearray(), True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its headers."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Its body comes next."""
        if self._heads:
            self._within = False
            self.spoken_to.set()

    def on_body(self, body: bytes) -> None:
        """Some of its body."""
        self._body += body

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._within = False
        status: int = self._parser.get_status_code()
        if status >= 200:
            self.seen.answers.append(Answer(status, self._headers, bytes(self._body)))
            self.spoken_to.set()
