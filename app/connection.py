"""A connection that takes no head without end, and ends with a word where it cannot go on.

Uvicorn's parser keeps whatever is sent as a head, however long. What it cannot parse uvicorn answers at once,
before the answers that earlier requests on the connection wait for, and closes it with bytes unread: then the
connection is reset, and the answer perhaps lost.

It knows nothing of this service: the words are its heirs'.
"""

from __future__ import annotations

from typing import Any, NoReturn

import httptools

from app.patient import Patient

# The most of a head: all of it, what is asked for in its first line, and its headers.
HEAD_BYTES = 64 * 1024
TARGET_BYTES = 8 * 1024
HEADERS = 100
# Seconds that a caller has to read why its connection ends. What it sends meanwhile is thrown away.
LINGER_SECONDS = 1.0

NOT_HTTP, TARGET_TOO_LONG, HEAD_TOO_LARGE = 400, 414, 431


class Connection(Patient):
    """`Patient`, with limits for heads, and an answer where there is no request."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_body = False
        # Bytes that the parser was given since it last handed something on: it may keep them.
        self._unused_bytes = 0
        self._handed_on = False
        self._fault = NOT_HTTP  # what is wrong if the parser fails
        # Status and reason with which the connection ends; from then on nothing is read.
        self._refusal: tuple[int, str] | None = None
        self._has_ended = False

    def data_received(self, data: bytes) -> None:
        """Give the parser what has come, in parts that it may keep."""
        start = 0
        while start < len(data) and self._refusal is None:
            room = HEAD_BYTES - self._unused_bytes
            part = data if start == 0 and len(data) <= room else memoryview(data)[start : start + room]
            start += len(part)
            self._handed_on = False
            super().data_received(part)  # type: ignore[arg-type] # the parser reads both
            self._unused_bytes = 0 if self._handed_on else self._unused_bytes + len(part)
            if self._unused_bytes >= HEAD_BYTES and self._refusal is None:
                self.refuse(HEAD_TOO_LARGE)

    def cannot_parse(self, error: httptools.HttpParserError) -> None:
        """Say why, if the parser knows."""
        stopped = isinstance(error, httptools.HttpParserCallbackError)  # by what is called here
        self.refuse(self._fault, "" if stopped else str(error))

    def on_url(self, url: bytes) -> None:
        """What is asked for, or a part of it, is there."""
        super().on_url(url)
        if len(self.url) > TARGET_BYTES:
            self._stop_parser(TARGET_TOO_LONG)

    def head_is_complete(self) -> None:
        """All headers are there, if they are not too many."""
        super().head_is_complete()
        self._handed_on = True
        if len(self.headers) > HEADERS:
            self._stop_parser(HEAD_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Start to answer, unless the head comes once more."""
        if self.is_plain():
            super().on_headers_complete()
            self.body_begins()

    def body_begins(self) -> None:
        """There is somebody who gets the body."""
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on."""
        self.body_goes_on()
        super().on_body(body)

    def body_goes_on(self) -> None:
        """A part of the body has been handed on."""
        self._handed_on = True

    def on_message_complete(self) -> None:
        """All of the request is there, unless its head comes once more."""
        if self._in_body:
            self.body_ends()
            super().on_message_complete()

    def body_ends(self) -> None:
        """What comes now is another request."""
        self._in_body = False
        self._handed_on = True

    def refuse(self, status: int, reason: str = "") -> None:
        """Read nothing more, and end the connection with an answer, after those that are due.

        Args:
            status: of the answer.
            reason: for it, in words that any caller may read.
        """
        self._refusal = status, reason
        self._in_head = False
        if self.transport.is_closing():
            return
        if self._in_body and self.pipeline:
            self.pipeline.popleft()  # the rest of its body will not be read
        elif self._in_body and not self.give_up():
            self._linger()
            return
        if self.cycle is None or self.cycle.response_complete:
            self.wait_for_next()

    def give_up(self) -> bool:
        """Leave the request whose body is broken without an answer; whether it had no part of one yet."""
        had_none = not self.cycle.response_started
        self.cycle.disconnected = self.cycle.response_complete = True
        self.cycle.message_event.set()
        return had_none

    def wait_for_next(self) -> None:
        """Nothing is left to be answered: expect another request, or end the connection."""
        if self._refusal is None:
            super().wait_for_next()
            return
        if not self._has_ended:
            self.transport.write(self.last_words(*self._refusal))
        self._linger()

    def last_words(self, status: int, reason: str) -> bytes:
        """All of the answer with which the connection ends."""
        raise NotImplementedError

    def _linger(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self.transport.write_eof()
        self.wait(LINGER_SECONDS)

    def _stop_parser(self, fault: int) -> NoReturn:
        self._fault = fault
        raise ValueError("the parser gives up, and so does what feeds it")
