"""A request on the framework's path: uvicorn's cycle, and what that does not know of the request's caller."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import Any, Literal

import httptools
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPScope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.http.head import NOT_HTTP, BadMessage
from app.http.message import MessageReader


class AsgiCycle(RequestResponseCycle):
    """`RequestResponseCycle` whose connection decides when it ends, and whose caller may stop sending early.

    Args:
        decide: tells, when the status of the answer is known, whether the connection ends with the answer.
        arguments: uvicorn's.

    Attributes:
        is_last: whether the connection ends with the answer; it is the connection that ends then.
    """

    keeps_body = True  # after the last of it has come, until the app has answered

    def __init__(self, *, decide: Callable[[AsgiCycle, int], bool], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.is_last = False
        self._decide = decide
        self._has_left = False
        self._was_read = False
        self._failure: Exception | None = None

    @property
    def is_full(self) -> bool:
        """Whether it holds as much of a body as it should until the app has read that."""
        return len(self.body) > HIGH_WATER_LIMIT

    def feed(self, part: bytes) -> None:
        """Some of the body is there."""
        if not self.response_complete and self._failure is None:
            self.body += part
            if self.is_full:
                self.flow.pause_reading()
            self.message_event.set()

    def wait(self) -> None:
        """Whoever reads the body for the app has a timeout for that."""

    def complete(self) -> None:
        """All of the body is there."""
        if not self.response_complete:
            self.more_body = False
            self.message_event.set()

    def leave(self) -> None:
        """The caller sends nothing more. It may still read: the app is told, and its answer is sent."""
        self._has_left = True
        self.message_event.set()

    def fail(self, error: Exception) -> None:
        """The rest of the body will not be read; the app is told why when it asks for it."""
        self.keep_alive = self.waiting_for_100_continue = False
        self._failure = error
        self.body.clear()
        self.message_event.set()

    def give_up(self) -> bool:
        """Leave the request without an answer; whether no part of one was sent."""
        had_none = not self.response_started
        self.waiting_for_100_continue = False
        self.disconnected = self.response_complete = True
        self.message_event.set()
        return had_none

    def abandon(self) -> None:
        """The caller is gone."""
        self.waiting_for_100_continue = False
        if not self.response_complete:
            self.disconnected = True
        self.message_event.set()

    async def send(self, message: ASGISendEvent) -> None:
        """Send a part of the answer; before the first, see whether the connection ends with it."""
        if message["type"] != "http.response.start" or self.response_started or self.disconnected:
            await super().send(message)
            return
        self.keep_alive = not self._decide(self, message["status"])
        await super().send(message)
        # Uvicorn's own way to end a connection would lose the answer if the caller is still sending.
        self.is_last, self.keep_alive = not self.keep_alive, True

    async def receive(self) -> ASGIReceiveEvent:
        """The next part of the body; `http.disconnect` once no more of it comes or nobody waits any more."""
        if self._has_left and not self._has_news():
            return {"type": "http.disconnect"}
        message = await super().receive()
        if self._failure is not None:
            raise self._failure
        if message["type"] == "http.request":
            if self._was_read or (self._has_left and message["more_body"] and not message["body"]):
                return {"type": "http.disconnect"}
            self._was_read = not message["more_body"]
        return message

    def _has_news(self) -> bool:
        """Whether there is a part of the body that the app has not read."""
        return bool(self.body) or not (self.more_body or self._was_read)


def new_scope(
    reader: MessageReader,
    *,
    asgi_version: Literal["2.0", "3.0"],
    server: tuple[str, int | None] | None,
    client: tuple[str, int] | None,
    is_https: bool,
    state: dict[str, Any],
) -> HTTPScope:
    """A request as the framework gets it. An absolute address without a path asks for `/`.

    Raises:
        BadMessage: what is asked for is no address.
    """
    try:
        url = httptools.parse_url(reader.target)
    except httptools.HttpParserInvalidURLError:
        raise BadMessage(NOT_HTTP, "the address is none") from None
    path = url.path or b"/"
    return {
        "type": "http",
        "asgi": {"version": asgi_version, "spec_version": "2.3"},
        "http_version": "1.1" if reader.is_new else "1.0",
        "server": server,
        "client": client,
        "scheme": "https" if is_https else "http",
        "method": reader.method.decode("ascii"),
        "root_path": "",
        "path": urllib.parse.unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": url.query or b"",
        "headers": reader.headers,
        "state": state,
    }
