"""Requests out of pieces of bytes: httptools, and what it does not see to.

For the parser what follows a head that asks for another protocol is in that protocol: a body would be lost,
or taken for another request. Such a head is parsed once more, not asking. The parser also keeps white space
behind a header's value, takes trailer fields for headers, lets a trailer field end the connection, and keeps
heads and trailers of any size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import httptools

from app.api.headers import Header
from app.errors import AppError
from app.http import head
from app.http.head import HEAD_BYTES, HEAD_TOO_LARGE, NOT_HTTP, OTHER_VERSION, TARGET_BYTES, BadMessage

Fault = tuple[int, str]  # the status and the reason with which a connection ends


class Receiver(Protocol):
    """What takes the body of a request."""

    def feed(self, part: bytes) -> None:
        """Some of the body is there."""

    def complete(self) -> None:
        """All of the body is there."""


class Cycle(Receiver, Protocol):
    """A request and its response: a `FastRequest` on the fast path, an `AsgiCycle` on the framework's.

    The connection calls `feed` for each part of the body, with `wait` whenever no more of it has come, and
    then `complete`; or `leave`, `fail`, `give_up` or `abandon` when no more comes. The cycle has its response
    written, and calls the connection when that is complete.

    Attributes:
        keep_alive: whether the connection may be used again.
        is_last: whether the connection ends with the response.
        response_complete: whether it was answered or abandoned: what comes after that is thrown away.
        waiting_for_100_continue: whether the caller waits to be told to send the body, and was not.
    """

    keep_alive: bool
    is_last: bool
    response_complete: bool
    waiting_for_100_continue: bool

    @property
    def is_full(self) -> bool:
        """Whether no more of the body should be read for now."""

    @property
    def keeps_body(self) -> bool:
        """Whether the body stays in memory after the last of it has come, until there is a response."""

    def wait(self) -> None:
        """No more of the body has come for now: it has until the timeout of the request."""

    def leave(self) -> None:
        """The caller sends nothing more, but may still read."""

    def fail(self, error: AppError) -> None:
        """The rest of the body will not be read; the caller is told why."""

    def give_up(self) -> bool:
        """Leave the request without a response; whether no part of one was sent."""

    def abandon(self) -> None:
        """The caller is gone."""


class MessageReader:
    """Reads one message after the other.

    Args:
        on_head: called for each head that is well-formed; gives what takes the body. May raise `BadMessage`.

    Attributes:
        in_head: whether a part of a head has come.
        in_body: whether a head has come, and not yet all of its body.
        has_ended: whether a message has ended; for the caller to reset before it feeds another.
        kept_bytes: that the parser was fed since it last handed something on: it may keep them.
        method: of the latest head.
        target: of the latest head.
        headers: of the latest head: names in lower case, values without white space around them.
        is_new: whether that is HTTP/1.1, not 1.0.
        may_keep_alive: whether its caller would use the connection again.
        expects_continue: whether its caller waits for 100 Continue.
        body_left: bytes of the body that have not come; None if only the parser can tell.
        body_bytes: that have come.
    """

    def __init__(self, on_head: Callable[[], Receiver]) -> None:
        self.in_head = self.in_body = self.has_ended = False
        self.kept_bytes = self.body_bytes = 0
        self.body_left: int | None = None
        self.method = self.target = b""
        self.headers: list[Header] = []
        self.is_new = self.may_keep_alive = self.expects_continue = False
        self._on_head = on_head
        self._receiver: Receiver | None = None
        self._request_line = b""  # as much of it as has come
        self._repeats_head = self._has_trailers = self._hands_on = False
        self._renew_parser()

    def feed(self, data: bytes | memoryview) -> Fault | None:
        """Read a piece that ends where its message ends, or before; why it cannot be read, if it cannot."""
        if not self.in_body and self._request_line[-1:] != b"\n":
            text = (self._request_line + bytes(data)).lstrip(b"\r\n")
            self._request_line = text[: text.find(b"\n") + 1] or text
        self._hands_on, plain = False, b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            # Given no name here: its traceback holds this frame, which would hold it, and the connection.
            return self._stopped_by(error.__context__)
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
        self.kept_bytes = 0 if self._hands_on else self.kept_bytes + len(data)
        return None if self.kept_bytes < HEAD_BYTES else (HEAD_TOO_LARGE, "")

    def close(self) -> None:
        """Let go of what refers back to this: it is then freed without a garbage collection."""
        del self._parser, self._on_head, self._receiver

    # Called by the parser.

    def on_message_begin(self) -> None:
        """The first byte of a head is there."""
        if self.has_ended:  # its answer would overtake that of the last message
            raise BadMessage(NOT_HTTP)
        self.target, self.headers = b"", []
        self.in_head = True

    def on_url(self, part: bytes) -> None:
        """The target, or a part of it, is there."""
        self.target += part
        if len(self.target) > TARGET_BYTES:
            raise BadMessage(head.TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer field is none."""
        if self.in_head:
            self.headers.append((name.lower(), value.rstrip(b" \t")))
        else:
            self._has_trailers = True

    def on_headers_complete(self) -> None:
        """Check a head and hand it on, unless it asks for another protocol."""
        parser = self._parser
        self.method = parser.get_method()
        if parser.should_upgrade():
            if self.method == b"CONNECT":
                raise BadMessage(NOT_HTTP, "this server is no proxy")
            self._repeats_head = True
            return
        self.is_new, self.body_left, self.expects_continue = head.check(self._request_line, self.headers)
        self.may_keep_alive = self.is_new and parser.should_keep_alive()
        self.in_head, self.in_body, self._hands_on = False, True, True
        self.body_bytes = 0
        self._receiver = self._on_head()

    def on_body(self, part: bytes) -> None:
        """Hand a part of the body on."""
        self._hands_on = True
        self.body_bytes += len(part)
        if self.body_left is not None:
            self.body_left -= len(part)
        if self._receiver is not None:
            self._receiver.feed(part)

    def on_message_complete(self) -> None:
        """All of a message is there, unless its head comes once more."""
        if not self._repeats_head:
            self.in_body, self.body_left, self._request_line = False, None, b""
            self.has_ended = self._hands_on = True
            if self._receiver is not None:
                self._receiver.complete()

    def _stopped_by(self, error: BaseException | None) -> Fault:
        """Why what the parser called has stopped it."""
        if not isinstance(error, BadMessage):
            return NOT_HTTP, ""
        self.in_body = False  # there is no request yet
        return error.status, error.reason

    def _renew_parser(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        # Else it refuses what follows a request with "Connection: close", as it comes with one.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
