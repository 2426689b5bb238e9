"""The connection that takes plain requests past the framework: uvicorn's bytes to exchanges, and back."""

from __future__ import annotations

import asyncio
import math
from typing import Any, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app import last_words
from app.connection import Connection
from app.gate import Gate
from app.routes.context import Headers, new_request_id
from app.routes.direct import Direct, lines
from app.routes.exchange import Exchange
from app.routes.headers import FirstValues
from app.routes.heads import Head


class PredictProtocol(Connection):
    """An app that has a `Direct` in its `state.direct` gets its plain requests that way.

    All its others, and all of other apps, go uvicorn's way.
    """

    cycle: Any  # uvicorn's, or the exchange

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        state = getattr(self.app, "state", None)
        self._direct: Direct | None = getattr(state, "direct", None)
        self._gate: Gate | None = getattr(state, "gate", None)
        self._exchange: Exchange | None = None
        # The default headers as they are written, and what they were written from: uvicorn's of this second.
        self._default_lines = b""
        self._default_headers: Headers | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect requests; but if this is one connection too many, say so and end it."""
        super().connection_made(transport)
        if self._gate is not None and not self._gate.admits(len(self.connections)):
            self.connections.discard(self)
            self.refuse(last_words.NO_ROOM)
            if not self._gate.may_linger(self):
                self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Compute nothing for a caller that has gone."""
        if self._gate is not None:
            self._gate.left(self)
        if self._exchange is not None:
            self._exchange.abandon()
            if self.cycle is self._exchange:
                self.cycle = None
            self._exchange = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come, and set a limit to the waiting for what has not."""
        if self._direct is None:
            super().data_received(data)
            return
        is_idle, before = self._is_idle(), self._exchange
        if is_idle and (found := self._direct.heads.find(data)):
            self._take(self._direct, *found)
            return
        super().data_received(data)
        exchange = self._exchange
        if exchange is not None:
            exchange.wait()
            if is_idle and exchange is not before:
                self._direct.heads.keep(data, exchange.head)

    def on_headers_complete(self) -> None:
        """Start an exchange for a plain request."""
        exchange = self._new_exchange()
        if exchange is None:
            super().on_headers_complete()
        else:
            # What uvicorn wants to know of a cycle, whether it is complete and may be kept alive, this knows.
            self.head_is_complete()
            self.cycle = self._exchange = exchange
            exchange.start()
            self.body_begins()

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body to whoever answers the request."""
        if self._exchange is not None and self.cycle is self._exchange:
            self.body_goes_on()
            self._exchange.feed(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Tell whoever answers the request that all of it is there."""
        if self._in_body and self._exchange is not None and self.cycle is self._exchange:
            self.body_ends()
            self._exchange.complete()
        else:
            super().on_message_complete()

    def last_words(self, status: int, reason: str) -> bytes:
        """A problem document. What is no request is counted with them, unless it was the body of one."""
        request_id = new_request_id()
        if self._direct is not None and status != last_words.NO_ROOM and not self._in_body:
            self._direct.surroundings.record_unread(status, request_id=request_id)
        headers = self.server_state.default_headers
        return last_words.write(status, reason, request_id=request_id, headers=headers)

    def _is_idle(self) -> bool:
        """Whether the parser has nothing of a request, and nothing that was asked waits for its answer."""
        is_between = not (self._in_head or self._in_body or self._unused_bytes)
        return is_between and self._refusal is None and not self._has_to_wait()

    def _has_to_wait(self) -> bool:
        """Whether an answer would: for that of an earlier request, or for a caller that reads none."""
        return self.flow.write_paused or not (self.cycle is None or self.cycle.response_complete)

    def _take(self, direct: Direct, head: Head, body: bytes) -> None:
        """Answer a request whose head needs no parser: the very same was parsed before."""
        self._patient_until = math.inf
        exchange = self.cycle = self._exchange = Exchange(direct, head, self._respond)
        exchange.start()
        exchange.feed(body)
        exchange.complete()

    def _new_exchange(self) -> Exchange | None:
        """An exchange for a plain request; None for others, and where answers have to wait."""
        if self._direct is None or self._has_to_wait() or self.parser.get_http_version() != "1.1":
            return None
        headers = FirstValues(cast("Scope", self.scope))
        if not self._direct.takes(self.parser.get_method(), self.url, headers):
            return None
        head = Head(headers, keep_alive=self.parser.should_keep_alive())
        return Exchange(self._direct, head, self._respond)

    def _respond(self, exchange: Exchange, status: int, head: bytes, content: bytes) -> None:
        if self.transport.is_closing():
            return
        defaults = self.server_state.default_headers
        if defaults is not self._default_headers:
            self._default_headers = defaults
            self._default_lines = lines(defaults)
        closing = b"" if exchange.keep_alive else b"connection: close\r\n"
        answer = (STATUS_LINE[status], self._default_lines, head, closing, b"\r\n", content)
        self.transport.write_whole(b"".join(answer))  # type: ignore[attr-defined]
        if closing:
            self.transport.close()
        self.on_response_complete()
