"""Parses requests from pieces of bytes with httptools, and corrects what httptools does wrong.

After a head with an Upgrade header, the parser stops: the body would be lost or parsed as another request.
Such a head is parsed again without the header. The parser also keeps white space after a header's value,
reports trailer fields as headers, lets a trailer field end the connection, and accepts heads and trailers of
any size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import httptools

from app.api.headers import Header
from app.errors import AppError
from app.http import head
from app.http.head import HEAD_BYTES, HEAD_TOO_LARGE, NOT_HTTP, OTHER_VERSION, TARGET_BYTES, BadMessage

StatusReason = tuple[int, str]  # of the error response with which a connection ends


class Receiver(Protocol):
    """Takes the body of a request."""

    def feed(self, part: bytes) -> None:
        """Add a part of the body."""

    def complete(self) -> None:
        """End the body."""


class RequestCycle(Receiver, Protocol):
    """A request and its response: a `FastRequest` on the fast path, an `AsgiCycle` on the framework's.

    The connection calls `feed` for each part of the body, `start_body_timeout` whenever it must wait for
    more, and then `complete`. If the body does not arrive completely, it calls `on_half_close`, `fail`,
    `abort` or `on_disconnect`. The cycle has its response written, and then calls the connection.

    Attributes:
        keep_alive: whether the connection may be used again.
        is_last: whether the connection ends with the response.
        response_complete: whether the response was written or aborted: the rest of the body is discarded.
        waiting_for_100_continue: whether the client waits for 100 Continue, which was not sent.
    """

    keep_alive: bool
    is_last: bool
    response_complete: bool
    waiting_for_100_continue: bool

    @property
    def is_full(self) -> bool:
        """Whether reading of the body is paused."""

    @property
    def keeps_body(self) -> bool:
        """Whether a complete body stays in memory until the response."""

    def held_bytes(self, arrived: int) -> int:
        """How many of the bytes of the body that arrived are in memory."""

    def start_body_timeout(self) -> None:
        """Wait for more of the body, until the timeout of the request."""

    def on_half_close(self) -> None:
        """The client sends nothing more, but may still read."""

    def fail(self, error: AppError) -> None:
        """Drop the rest of the body and send an error response."""

    def abort(self) -> bool:
        """Send no response; return whether no part of one was sent."""

    def on_disconnect(self) -> None:
        """The client has disconnected."""


class MessageReader:
    """Parses one message after the other.

    Args:
        on_head: called for each valid head; returns the receiver of the body. May raise `BadMessage`.

    Attributes:
        in_head: whether a head has begun and not ended.
        in_body: whether a body has begun and not ended.
        has_ended: whether a message has ended; reset it before you feed another.
        kept_bytes: fed to the parser since its last callback, so that it may keep them in memory.
        method: of the latest head.
        target: of the latest head.
        headers: of the latest head: names in lower case, values without white space around them.
        is_http_1_1: whether that is HTTP/1.1, not 1.0.
        may_keep_alive: whether its client may use the connection again.
        expects_continue: whether its client waits for 100 Continue.
        body_left: bytes of the body that have not arrived; None if the body is chunked.
        body_bytes: bytes of the body that have arrived.
    """

    def __init__(self, on_head: Callable[[], Receiver]) -> None:
        self.in_head = self.in_body = self.has_ended = False
        self.kept_bytes = self.body_bytes = 0
        self.body_left: int | None = None
        self.method = self.target = b""
        self.headers: list[Header] = []
        self.is_http_1_1 = self.may_keep_alive = self.expects_continue = False
        self._on_head = on_head
        self._receiver: Receiver | None = None
        self._request_line = b""  # may be incomplete
        self._repeats_head = self._has_trailers = self._passed_on = False
        self._renew_parser()

    def feed(self, data: bytes | memoryview) -> StatusReason | None:
        """Parse a piece that ends at the end of a message or before; return why it is invalid, if it is."""
        if not self.in_body and self._request_line[-1:] != b"\n":
            text = (self._request_line + bytes(data)).lstrip(b"\r\n")
            self._request_line = text[: text.find(b"\n") + 1] or text
        self._passed_on, plain = False, b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            # Not assigned to a variable: the traceback and this frame would keep each other alive.
            return self._reason_of(error.__context__)
        except httptools.HttpParserError as error:
            return NOT_HTTP, str(error)
        except httptools.HttpParserUpgrade:
            plain = head.without_upgrade(self.method, self.target, self._request_line, self.headers)
        if plain:
            self._renew_parser()
            self._repeats_head = False
            return self.feed(plain)
        if self.in_head and head.has_other_version(self._request_line):
            return OTHER_VERSION, ""
        if self._has_trailers and not self.in_body:
            self._has_trailers = False
            self._renew_parser()
        self.kept_bytes = 0 if self._passed_on else self.kept_bytes + len(data)
        return None if self.kept_bytes < HEAD_BYTES else (HEAD_TOO_LARGE, "")

    def close(self) -> None:
        """Drop references that lead back to this, so that it is freed without garbage collection."""
        del self._parser, self._on_head, self._receiver

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Start a head."""
        if self.has_ended:  # its response would come before that of the last message
            raise BadMessage(NOT_HTTP)
        self.target, self.headers = b"", []
        self.in_head = True

    def on_url(self, part: bytes) -> None:
        """Add a part of the target."""
        self.target += part
        if len(self.target) > TARGET_BYTES:
            raise BadMessage(head.TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; ignore a trailer field."""
        if self.in_head:
            self.headers.append((name.lower(), value.rstrip(b" \t")))
        else:
            self._has_trailers = True

    def on_headers_complete(self) -> None:
        """Check a head and pass it on, unless it has an Upgrade header."""
        parser = self._parser
        self.method = parser.get_method()
        if parser.should_upgrade():
            if self.method == b"CONNECT":
                raise BadMessage(NOT_HTTP, "this server is not a proxy")
            self._repeats_head = True
            return
        self.is_http_1_1, self.body_left, self.expects_continue = head.check(self._request_line, self.headers)
        self.may_keep_alive = self.is_http_1_1 and parser.should_keep_alive()
        self.in_head, self.in_body, self._passed_on = False, True, True
        self.body_bytes = 0
        self._receiver = self._on_head()

    def on_body(self, part: bytes) -> None:
        """Pass a part of the body on."""
        self._passed_on = True
        self.body_bytes += len(part)
        if self.body_left is not None:
            self.body_left -= len(part)
        if self._receiver is not None:
            self._receiver.feed(part)

    def on_message_complete(self) -> None:
        """End a message, unless its head is parsed again."""
        if not self._repeats_head:
            self.in_body, self.body_left, self._request_line = False, None, b""
            self.has_ended = self._passed_on = True
            if self._receiver is not None:
                self._receiver.complete()

    def _reason_of(self, error: BaseException | None) -> StatusReason:
        """The status and reason of an error that a callback raised."""
        if not isinstance(error, BadMessage):
            return NOT_HTTP, ""
        self.in_body = False  # there is no valid request
        return error.status, error.reason

    def _renew_parser(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        # Otherwise the parser refuses bytes after a request with "Connection: close".
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
