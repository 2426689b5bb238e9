"""The connection that takes plain requests past the framework: uvicorn's bytes to exchanges, and back."""

from __future__ import annotations

import asyncio
import urllib.parse
from typing import Any

import httptools
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.api.headers import RequestHead, lines
from app.api.recorder import new_request_id
from app.errors import BodyBudgetFull
from app.http import connection_errors
from app.http.body_budget import FREE_BYTES, BodyBudget
from app.http.connection import Connection
from app.http.connection_limit import Gate
from app.http.fast_path import FastRoute
from app.http.fast_request import FastRequest
from app.http.plain_http import NOT_HTTP
from app.http.request_cycle import RequestCycle


class PredictProtocol(Connection):
    """An app that has a `FastRoute` in its `state.fast_route` gets its plain requests that way.

    All its others, and all of other apps, go uvicorn's way.
    """

    cycle: Any  # a `RequestCycle` or a `FastRequest`

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        state = getattr(self.app, "state", None)
        self._fast_route: FastRoute | None = getattr(state, "fast_route", None)
        self._gate: Gate | None = getattr(state, "gate", None)
        self._budget: BodyBudget | None = getattr(state, "budget", None)
        self._is_counted = False
        # The default headers as they are written, and what they were written from: uvicorn's of this second.
        self._default_lines = b""
        self._default_headers: list[tuple[bytes, bytes]] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect requests; but if this is one connection too many, say so and end it."""
        super().connection_made(transport)
        if self._gate is not None and not self._gate.admits(len(self.connections)):
            self.connections.discard(self)
            self.refuse(connection_errors.NO_ROOM)
            if not self._gate.may_linger(self):
                self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of all that counts this connection."""
        if self._gate is not None:
            self._gate.left(self)
        if self._budget is not None:
            self._budget.release(self)
        super().connection_lost(exc)

    def read_on(self) -> None:
        """Read what has come, set a limit to the waiting for what has not, and count what is held."""
        super().read_on()
        cycle = self.cycle
        if self._in_body and isinstance(cycle, FastRequest):
            cycle.wait()
        held = len(self._data) - self._at
        # A fast request has read its body by the time that it has come; the framework may still hold it.
        if cycle is not None and not cycle.response_complete and (self._in_body or cycle.keeps_body):
            held += self._body_bytes
        if held > FREE_BYTES or self._is_counted:
            self._count(held)

    def start_cycle(self) -> None:
        """Have a plain request answered on the fast path, all others by the framework."""
        method = self.parser.get_method()
        keep_alive = self._may_keep_alive
        if (route := self._fast_route) is not None:
            head = RequestHead(self.headers)
            if match := route.match(method, self.url, head):
                self.cycle = FastRequest(route, match, head, self._respond, keep_alive=keep_alive)
                self.cycle.start()
                return
        self.cycle = RequestCycle(
            is_last=self.is_last,
            scope=self._new_scope(method),
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,  # the app writes its own
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, self.app)

    def on_response_complete(self) -> None:
        """Nothing of a body is held any more."""
        super().on_response_complete()
        if self._is_counted:
            self._count(len(self._data) - self._at)

    def give_back(self) -> None:
        """Too much is held of all bodies: end the connection, and tell a caller whose body comes why."""
        self._is_counted = False
        if self.cycle is None or self.cycle.response_complete:
            self._linger()
            return
        self.cycle.keep_alive, self.cycle.is_last = False, True
        if self._in_body:
            self.cycle.fail(
                BodyBudgetFull(
                    "too many bytes of request bodies at once (MAX_BODY_BYTES_IN_FLIGHT); try again in 1 s"
                )
            )
        else:
            self._data, self._at, self._has_dropped = b"", 0, True  # the answer says that they are not read

    def is_last(self, status: int, keep_alive: bool) -> bool:
        """Also while the server is draining: clients should find another replica."""
        route = self._fast_route
        is_draining = route is not None and route.recorder.is_draining()
        return super().is_last(status, keep_alive and not is_draining)

    def last_words(self, status: int, reason: str) -> bytes:
        """A problem document. What is no request is counted with them, unless it was the body of one."""
        request_id, root_path = new_request_id(), ""
        if self._fast_route is not None:
            root_path = self._fast_route.errors.root_path
            if status != connection_errors.NO_ROOM and not self._in_body:
                self._fast_route.recorder.record_unread(status, request_id=request_id)
        headers = self.server_state.default_headers
        return connection_errors.write(
            status, reason, request_id=request_id, headers=headers, root_path=root_path
        )

    def _new_scope(self, method: bytes) -> HTTPScope:
        """What is asked for, as the framework reads it. An absolute address without a path asks for `/`."""
        try:
            url = httptools.parse_url(self.url)
        except httptools.HttpParserInvalidURLError:
            self.stop_parser(NOT_HTTP, "the address is none")
        path = url.path or b"/"
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": self.parser.get_http_version(),
            "server": self.server,
            "client": self.client,
            "scheme": "https" if self.scheme == "https" else "http",
            "method": method.decode("ascii"),
            "root_path": "",
            "path": urllib.parse.unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": url.query or b"",
            "headers": self.headers,
            "state": self.app_state.copy(),
        }

    def _respond(self, request: FastRequest, status: int, head: bytes, content: bytes) -> None:
        if self.transport.is_closing():
            return
        defaults = self.server_state.default_headers
        if defaults is not self._default_headers:
            self._default_headers = defaults
            self._default_lines = lines(defaults)
        request.is_last = self.is_last(status, request.keep_alive)
        closing = b"connection: close\r\n" if request.is_last else b""
        answer = (STATUS_LINE[status], self._default_lines, head, closing, b"\r\n", content)
        self.transport.write_whole(b"".join(answer))  # type: ignore[attr-defined]
        self.on_response_complete()

    def _count(self, held: int) -> None:
        if self._budget is not None:
            self._is_counted = held > FREE_BYTES
            self._budget.hold(self, held)
