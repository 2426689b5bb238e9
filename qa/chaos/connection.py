"""The client's end of a connection: one request at a time, and a precise account of an answer that fails.

A library for HTTP would try again, or join what is told apart here: no answer at all, and half of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, Self, cast

from qa.chaos.addresses import HOST
from qa.chaos.errors import ChaosError

_HEAD_END = b"\r\n\r\n"


class NoAnswer(ChaosError):
    """Not a byte of an answer came: the connection was refused or cut, or time was over."""


class BrokenAnswer(ChaosError):
    """Something came that is no whole answer, or more than one."""


class Answer(NamedTuple):
    """An HTTP answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """A connection to a port of this machine, kept until either side ends it.

    Attributes:
        local_port: the client's port, by which a server process is known to hold this connection.
    """

    def __init__(self) -> None:
        self._received = bytearray()
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None
        self.local_port = 0

    @classmethod
    async def open(cls, port: int, *, seconds: float = 10.0) -> Self:
        """Connect.

        Raises:
            NoAnswer: nobody listens, or nobody answers within `seconds`.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(cls, HOST, port)
        except OSError as error:  # also of the time-out
            raise NoAnswer(f"no connection: {error or type(error).__name__}") from error
        return connection

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes, *, seconds: float) -> Answer:
        """Send a request and wait for its answer. After an error the connection is closed.

        Raises:
            NoAnswer: the connection ended, or `seconds` passed, before a byte came.
            BrokenAnswer: what came is not one whole answer.
        """
        self.send(request)
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting = waiting
        try:
            async with asyncio.timeout(seconds):
                return await waiting
        except TimeoutError:
            raise self._fault(f"nothing more within {seconds:g} s") from None
        finally:
            self._waiting = None
            if waiting.cancelled() or waiting.exception():
                self.close()

    def send(self, data: bytes) -> None:
        """Send, and wait for nothing.

        Raises:
            NoAnswer: the connection had ended.
        """
        if self._transport is None or not self.is_open:
            raise NoAnswer("the connection had ended")
        self._transport.write(data)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to ask."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class does not derive from it
        self.local_port = transport.get_extra_info("sockname")[1]

    def data_received(self, data: bytes) -> None:
        """Put the answer together."""
        self._received += data
        if self._waiting is None or self._waiting.done():
            self.close()  # nobody asked: whatever this is, no later request may get it for an answer
            return
        try:
            answer = read_answer(bytes(self._received))
        except ValueError as error:
            self._waiting.set_exception(BrokenAnswer(str(error)))
            return
        if answer is not None:
            self._received.clear()
            if answer.headers.get("connection") == "close":
                self.close()
            self._waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever is not answered will not be."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(self._fault(f"the connection ended ({exc or 'closed'})"))

    def _fault(self, what: str) -> NoAnswer | BrokenAnswer:
        if self._received:
            return BrokenAnswer(f"{what} after {len(self._received)} bytes of an answer")
        return NoAnswer(what)


def read_answer(received: bytes) -> Answer | None:
    """The answer that was received; None if there is more to come.

    Raises:
        ValueError: it is none, its end is not told by Content-Length, or something follows it.
    """
    if not b"HTTP/1.1 ".startswith(received[:9]):
        raise ValueError(f"not HTTP: {received[:40]!r}")
    end = received.find(_HEAD_END)
    if end < 0:
        return None
    status, *lines = received[:end].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if not headers.get("content-length", "").isdecimal():
        raise ValueError(f"an answer without Content-Length: {status!r}")
    body = received[end + len(_HEAD_END) :]
    missing = int(headers["content-length"]) - len(body)
    if missing < 0:
        raise ValueError(f"{-missing} bytes follow the answer")
    return Answer(int(status[9:12]), headers, body) if missing == 0 else None
