"""A request on the framework's path: uvicorn's cycle, with half-closed connections and failed bodies."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import Any, Literal

import httptools
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPScope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.api.request_body import STREAMED
from app.http.head import NOT_HTTP, BadMessage
from app.http.message import MessageReader


class AsgiCycle(RequestResponseCycle):
    """A `RequestResponseCycle` that lets its connection decide whether the response is the last one.

    Args:
        decide: called with the status of the response; returns whether the connection ends with the response.
        arguments: uvicorn's.

    Attributes:
        is_last: whether the connection ends with the response; the connection then closes itself.
    """

    keeps_body = True  # in memory until the app has responded

    def __init__(self, *, decide: Callable[[AsgiCycle, int], bool], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.is_last = False
        self._decide = decide
        self._client_half_closed = False
        self._body_was_read = False
        self._failure: Exception | None = None

    @property
    def is_full(self) -> bool:
        """Whether it holds so much of a body that no more is read until the app has taken it."""
        return len(self.body) > HIGH_WATER_LIMIT

    def held_bytes(self, arrived: int) -> int:
        """All that arrived: the app may hold it. Of a body that is streamed, what the app has not taken."""
        return len(self.body) if self.scope["state"].get(STREAMED) else arrived

    def feed(self, part: bytes) -> None:
        """Add a part of the body."""
        if not self.response_complete and self._failure is None:
            self.body += part
            if self.is_full:
                self.flow.pause_reading()
            self.message_event.set()

    def start_body_timeout(self) -> None:
        """Do nothing: the function that reads the body for the app has a timeout."""

    def complete(self) -> None:
        """End the body."""
        if not self.response_complete:
            self.more_body = False
            self.message_event.set()

    def on_half_close(self) -> None:
        """The client sends nothing more but may read: the app gets `http.disconnect` and may respond."""
        self._client_half_closed = True
        self.message_event.set()

    def fail(self, error: Exception) -> None:
        """Drop the rest of the body; the app gets the error when it reads the body."""
        self.keep_alive = self.waiting_for_100_continue = False
        self._failure = error
        self.body.clear()
        self.message_event.set()

    def abort(self) -> bool:
        """Send no response; return whether no part of one was sent."""
        was_unsent = not self.response_started
        self.waiting_for_100_continue = False
        self.disconnected = self.response_complete = True
        self.message_event.set()
        return was_unsent

    def on_disconnect(self) -> None:
        """The client has disconnected."""
        self.waiting_for_100_continue = False
        if not self.response_complete:
            self.disconnected = True
        self.message_event.set()

    async def send(self, message: ASGISendEvent) -> None:
        """Send a part of the response; before the first part, decide whether the connection ends with it."""
        if message["type"] != "http.response.start" or self.response_started or self.disconnected:
            await super().send(message)
            return
        self.keep_alive = not self._decide(self, message["status"])
        await super().send(message)
        # Uvicorn would close the connection at once, and a client that still sends would lose the response.
        self.is_last, self.keep_alive = not self.keep_alive, True

    async def receive(self) -> ASGIReceiveEvent:
        """The next part of the body; `http.disconnect` after the body or when the client has disconnected."""
        if self._client_half_closed and not self._has_unread_body():
            return {"type": "http.disconnect"}
        message = await super().receive()
        if self._failure is not None:
            raise self._failure
        if message["type"] == "http.request":
            if self._body_was_read or (
                self._client_half_closed and message["more_body"] and not message["body"]
            ):
                return {"type": "http.disconnect"}
            self._body_was_read = not message["more_body"]
        return message

    def _has_unread_body(self) -> bool:
        """Whether the app has not read all of the body that has arrived."""
        return bool(self.body) or not (self.more_body or self._body_was_read)


def new_scope(
    reader: MessageReader,
    *,
    asgi_version: Literal["2.0", "3.0"],
    server: tuple[str, int | None] | None,
    client: tuple[str, int] | None,
    is_https: bool,
    state: dict[str, Any],
) -> HTTPScope:
    """The ASGI scope of a request. An absolute URL without a path means `/`.

    Raises:
        BadMessage: the request target is not valid.
    """
    try:
        url = httptools.parse_url(reader.target)
    except httptools.HttpParserInvalidURLError:
        raise BadMessage(NOT_HTTP, "the address is not valid") from None
    path = url.path or b"/"
    return {
        "type": "http",
        "asgi": {"version": asgi_version, "spec_version": "2.3"},
        "http_version": "1.1" if reader.is_http_1_1 else "1.0",
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
