"""One connection of a caller: uvicorn's protocol class, with limits, timeouts and the fast path.

Uvicorn's own parser reads whatever has come: thousands of requests in one go, before the first is answered.
What it cannot parse it logs, and answers before the responses that earlier requests wait for; then it closes
the connection with bytes unread, so that it is reset, and the response perhaps lost. When a caller shuts down
its sending side it throws away the responses that are due. And it waits for callers without end.

The steps, in the order of the methods:

| step | method | what it has for that |
|---|---|---|
| a connection | `connection_made` | `ConnectionLimit`, `ConnectionTimer` |
| bytes come | `data_received`, `_read_on` | `InputBuffer`; `MessageReader`, up to the end of a message |
| a head is there | `start_request` | a `FastRequest` or an `AsgiCycle` |
| the body comes, and ends | | the reader hands it to that |
| a response is sent | `_respond`, `on_response_complete` | `ConnectionEnd`; or the next message is read |
| the caller half-closes | `eof_received` | `ConnectionEnd`, once all is read |
| the caller is gone | `connection_lost` | the request is abandoned |
| the server shuts down | `shutdown` | `ConnectionEnd`, with the response that is due |

The steps share one state and have one order, so they are one class, though it is longer than most files here.
How a connection ends is all in `ConnectionEnd`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.api.headers import Header, RequestHead, lines
from app.http.asgi_cycle import AsgiCycle, new_scope
from app.http.body_budget import FREE_BYTES, BodyBudget
from app.http.connection_end import ConnectionEnd
from app.http.connection_errors import NO_ROOM
from app.http.connection_limit import ConnectionLimit
from app.http.fast_path import FastRoute
from app.http.fast_request import FastRequest
from app.http.head import HEAD_BYTES
from app.http.input import InputBuffer
from app.http.message import Cycle, MessageReader
from app.http.timeouts import ConnectionTimer, Timeouts
from app.http.transport import CoalescingTransport, ReadFlowControl

# Bytes of heads and of bodies in chunks that are read before others have their turn: a few of them may be a
# call of the parser. A piece, which ends where a message may end, costs as much as so many of them.
EFFORT = 64 * 1024
PIECE_EFFORT = 1024


class Connection(HttpToolsProtocol):
    """One connection. Plain requests go to the app's `state.fast_route`, if it has one.

    All its other requests, and all of other apps, go uvicorn's way. One message is read at a time: what is
    behind it waits until that is answered.
    """

    flow: ReadFlowControl
    timeouts = Timeouts()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.parser = None  # type: ignore[assignment] # `MessageReader` has its own
        self._input = InputBuffer()
        self._reader = MessageReader(self.start_request)
        self._request: Cycle | None = None  # the latest
        state = getattr(self.app, "state", None)
        self._fast_route: FastRoute | None = getattr(state, "fast_route", None)
        self._gate: ConnectionLimit | None = getattr(state, "connection_limit", None)
        self._budget: BodyBudget | None = getattr(state, "body_budget", None)
        self._is_counted = False  # by the budget
        # The default headers as they are written, and what they were written from: uvicorn's of this second.
        self._default_lines = b""
        self._default_headers: list[Header] | None = None
        self._will_read = False

    # A connection.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect requests; but if this is one connection too many, say so and end it."""
        super().connection_made(CoalescingTransport(transport, self.loop))  # type: ignore[arg-type]
        self.flow = ReadFlowControl(self.transport)
        self._timer = ConnectionTimer(self.loop, self.transport, self.timeouts, self.timeout_keep_alive)
        server_state = self.server_state
        self._end = ConnectionEnd(
            self.transport,
            self.flow,
            self._timer,
            self._input,
            self._reader,
            fast_route=self._fast_route,
            default_headers=lambda: server_state.default_headers,
        )
        self._timer.first_request()
        if self._gate is not None and not self._gate.admits(len(self.connections)):
            self.connections.discard(self)
            self._end.refuse(None, NO_ROOM)
            if not self._gate.may_linger(self):
                self.transport.close()

    # Bytes come.

    def data_received(self, data: bytes) -> None:
        """Read what has come, as far as it is its turn."""
        if not self._end.discards:
            self._input.add(data)
            self._read_on()

    def _may_read(self) -> bool:
        """Whether it is the turn of what comes next: a request waits for the response to the last one."""
        if self._end.discards or self._reader.in_head or self._reader.in_body:
            return not self._end.discards
        return not self.flow.write_paused and (self._request is None or self._request.response_complete)

    def _read_on(self) -> None:
        """Read up to the end of a message, or of what has come. What is behind it waits for its turn."""
        came, reader = self._input, self._reader
        if self._may_read():
            reader.has_ended, effort = False, EFFORT
            while came.unread and effort > 0 and not reader.has_ended:
                if reader.body_left is not None:
                    piece = came.take(reader.body_left)
                else:
                    in_message = reader.in_head or reader.in_body
                    piece = came.take_piece(HEAD_BYTES - reader.kept_bytes, in_message=in_message)
                    effort -= PIECE_EFFORT + len(piece)
                if fault := reader.feed(piece):
                    self._end.refuse(self._request, *fault)
            if reader.has_ended and self._may_read():
                self._timer.next_request()  # the rest of the body was waited for, and not as long
        if not self._end.discards:
            self._have_read()
        if self._is_counted or came.unread + reader.body_bytes > FREE_BYTES:
            self._count_held()

    def _have_read(self) -> None:
        """It is another's turn: see to what is unread, and to what has not come."""
        request, reader = self._request, self._reader
        if self._input.unread:
            self._input.compact()
            self.flow.is_held = True
            self.flow.pause_reading()
            if self._may_read():
                self._read_soon()
            return
        self.flow.is_held = False
        if reader.in_head:
            self._timer.head()
        if self.flow.read_paused and not (reader.in_body and request is not None and request.is_full):
            self.flow.resume_reading()
        if self._end.has_left:
            self._end.caller_left(request)
        elif reader.in_body and request is not None:
            request.wait()

    def _read_soon(self) -> None:
        """Read on in the next turn of the loop: this connection's requests take turns with the others'."""
        if not self._will_read:
            self._will_read = True
            self.loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._will_read = False
        if self._input.unread and self._may_read() and not self.transport.is_closing():
            self._read_on()

    # A head is there.

    def start_request(self) -> Cycle:
        """Have a plain request answered on the fast path, all others by the framework."""
        reader, route = self._reader, self._fast_route
        self._timer.nothing()  # the request has its own timeout
        if route is not None:
            head = RequestHead(reader.headers)
            if match := route.match(reader.method, reader.target, head):
                request = FastRequest(route, match, head, self._respond, keep_alive=reader.may_keep_alive)
                self._request = request
                request.start()
                return request
        self._request = cycle = self._asgi_cycle()
        self._start_asgi_task(cycle, self.app)
        return cycle

    def _asgi_cycle(self) -> AsgiCycle:
        reader = self._reader
        return AsgiCycle(
            decide=self._end.is_last,
            scope=new_scope(
                reader,
                asgi_version=self.asgi_version,
                server=self.server,
                client=self.client,
                is_https=self.scheme == "https",
                state=self.app_state.copy(),
            ),
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,  # the app writes its own
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=reader.expects_continue,
            keep_alive=reader.may_keep_alive,
            on_response=self.on_response_complete,
        )

    # A response is sent.

    def _respond(self, request: FastRequest, status: int, head: bytes, content: bytes) -> None:
        if self.transport.is_closing():
            return
        defaults = self.server_state.default_headers
        if defaults is not self._default_headers:
            self._default_headers = defaults
            self._default_lines = lines(defaults)
        request.is_last = self._end.is_last(request, status)
        closing = b"connection: close\r\n" if request.is_last else b""
        response = (STATUS_LINE[status], self._default_lines, head, closing, b"\r\n", content)
        self.transport.write_whole(b"".join(response))  # type: ignore[attr-defined]
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """Go on with what has come meanwhile, or expect another request; or end the connection."""
        self.server_state.total_requests += 1
        request = self._request
        if request is not None and not self._end.after(request):
            if self.flow.read_paused:
                self.flow.resume_reading()
            if self._reader.in_body:
                self._timer.rest_of_body()
            else:
                self._timer.next_request()
                if self._input.unread:
                    self._read_soon()
        if self._is_counted:
            self._count_held()

    def pause_writing(self) -> None:
        """Much is written that the caller does not read: it has a while."""
        self.flow.pause_writing()
        self._timer.reading()

    def resume_writing(self) -> None:
        """The caller has read what was written: wait for what comes next, and read what has come."""
        self.flow.resume_writing()
        if self._end.has_ended:
            self._end.linger()
        elif self._request is not None and not self._request.response_complete:
            self._timer.nothing()
        elif self._reader.in_body:
            self._timer.rest_of_body()
        elif self._reader.in_head:
            self._timer.head()
        else:
            self._timer.next_request()
        self._read_soon()

    # The memory of bodies.

    def _count_held(self) -> None:
        """Tell the budget how many bytes are held. The framework may hold a body that has come."""
        held, request = self._input.unread, self._request
        is_due = request is not None and not request.response_complete
        if is_due and request is not None and (self._reader.in_body or request.keeps_body):
            held += self._reader.body_bytes
        if self._budget is not None:
            self._is_counted = held > FREE_BYTES
            self._budget.hold(self, held)

    def give_back(self) -> None:
        """Too much is held of all bodies: hold nothing any more, and end."""
        self._is_counted = False
        self._end.give_back(self._request)

    # The caller half-closes, or is gone; the server shuts down.

    def eof_received(self) -> bool:  # type: ignore[override] # True keeps the connection open
        """The caller sends nothing more. What it has sent is answered, but nothing is computed for it."""
        self._end.has_left = True
        if self._end.discards:
            return False
        if not self._input.unread:
            self._end.caller_left(self._request)
        return not self.transport.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Have nothing done any more for a caller that has gone; let go of all that knows this connection.

        It is then freed with the last reference to it. In a circle it would stay until a full garbage
        collection, and thousands of such make one that stops the event loop for tenths of a second.
        """
        if self._gate is not None:
            self._gate.left(self)
        if self._budget is not None:
            self._budget.release(self)
        self._end.discards = True
        self._input.drop()
        if self._request is not None:
            self._request.abandon()
            self._request = None
        self._timer.close()
        self._reader.close()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server ends: so does an idle connection, and a busy one with its response."""
        if self._request is None or self._request.response_complete:
            self._end.close()
        else:
            self._request.keep_alive = False
