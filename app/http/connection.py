"""One client connection: uvicorn's protocol class, with limits, timeouts and the fast path.

Uvicorn parses all received bytes at once: thousands of pipelined requests before the first response. It sends
its error for invalid input before the responses to earlier requests, then closes the connection with unread
bytes, so that the client may lose the error. It drops pending responses when a client half-closes the
connection, and has no timeouts for clients.

The steps, in the order of the methods:

| step | method | uses |
|---|---|---|
| a new connection | `connection_made` | `ConnectionLimit`, `ConnectionTimer` |
| bytes arrive | `data_received`, `_read` | `InputBuffer`; `MessageReader`, up to the end of a message |
| a head is complete | `start_request` | a `FastRequest` or an `AsgiCycle` |
| the body arrives | | the reader passes it to that |
| a response is written | `_respond`, `on_response_complete` | `ConnectionEnd`, or the next message is read |
| the client half-closes | `eof_received` | `ConnectionEnd`, once all bytes are read |
| the client disconnects | `connection_lost` | the request is cancelled |
| the server shuts down | `shutdown` | `ConnectionEnd`, after any pending response |

The steps share their state, so they are one class, though this file is longer than most.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.api.headers import Header, RequestHead, lines
from app.http.asgi_cycle import AsgiCycle, new_scope
from app.http.body_budget import FREE_BYTES, BodyBudget
from app.http.connection_end import ConnectionEnd
from app.http.connection_errors import TOO_MANY_CONNECTIONS
from app.http.connection_limit import ConnectionLimit
from app.http.fast_path import FastRoute
from app.http.fast_request import FastRequest
from app.http.head import HEAD_BYTES
from app.http.input import InputBuffer
from app.http.message import MessageReader, RequestCycle
from app.http.timeouts import ConnectionTimer, Timeouts
from app.http.transport import CoalescingTransport, ReadFlowControl

# Bytes of heads and chunked bodies that are parsed before other connections have their turn. A call of the
# parser costs as much as PIECE_BYTES bytes.
TURN_BYTES = 64 * 1024
PIECE_BYTES = 1024


class Connection(HttpToolsProtocol):
    """One connection. Requests that match the app's `state.fast_route` take the fast path, others uvicorn's.

    One message is read at a time: the next one waits for its response.
    """

    flow: ReadFlowControl
    timeouts = Timeouts()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.parser = None  # type: ignore[assignment] # `MessageReader` has its own
        self._input = InputBuffer()
        self._reader = MessageReader(self.start_request)
        self._request: RequestCycle | None = None  # the latest
        state = getattr(self.app, "state", None)
        self._fast_route: FastRoute | None = getattr(state, "fast_route", None)
        self._connection_limit: ConnectionLimit | None = getattr(state, "connection_limit", None)
        self._body_budget: BodyBudget | None = getattr(state, "body_budget", None)
        self._max_age: float = getattr(state, "max_connection_age", 0.0)
        self._is_counted = False  # by the body budget
        # The default headers as bytes, and the list that they were made from: uvicorn makes one each second.
        self._default_lines = b""
        self._default_headers: list[Header] | None = None
        self._will_read = False

    # A new connection.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for requests; above the connection limit, send an error and close."""
        super().connection_made(CoalescingTransport(transport, self.loop))  # type: ignore[arg-type]
        self.flow = ReadFlowControl(self.transport)
        self._timer = ConnectionTimer(
            self.loop, self.transport, self.timeouts, self.timeout_keep_alive, max_age=self._max_age
        )
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
        self._timer.wait_for_first_request()
        if self._connection_limit is not None and not self._connection_limit.admits(len(self.connections)):
            self.connections.discard(self)
            self._end.refuse(None, TOO_MANY_CONNECTIONS)
            if not self._connection_limit.may_linger(self):
                self.transport.close()

    # Bytes arrive.

    def data_received(self, data: bytes) -> None:
        """Add received bytes and read them, unless they must wait."""
        if not self._end.discards_input:
            self._input.add(data)
            self._read()

    def _may_read(self) -> bool:
        """Whether the next bytes may be read: a request waits for the response to the last one."""
        if self._end.discards_input or self._reader.in_head or self._reader.in_body:
            return not self._end.discards_input
        return not self.flow.write_paused and (self._request is None or self._request.response_complete)

    def _read(self) -> None:
        """Read up to the end of a message or of the received bytes."""
        received, reader = self._input, self._reader
        if self._may_read():
            reader.has_ended, budget = False, TURN_BYTES
            while received.unread and budget > 0 and not reader.has_ended:
                if reader.body_left is not None:
                    piece = received.take(reader.body_left)
                else:
                    in_message = reader.in_head or reader.in_body
                    piece = received.take_piece(HEAD_BYTES - reader.kept_bytes, in_message=in_message)
                    budget -= PIECE_BYTES + len(piece)
                if error := reader.feed(piece):
                    self._end.refuse(self._request, *error)
            if reader.has_ended and self._may_read():
                self._timer.wait_for_next_request()  # until now, the timeout was that of the body
        if not self._end.discards_input:
            self._after_read()
        if self._is_counted or received.unread + reader.body_bytes > FREE_BYTES:
            self._count_held()

    def _after_read(self) -> None:
        """Schedule unread bytes, or start the timeout for bytes that have not arrived."""
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
            self._timer.wait_for_head()
        if self.flow.read_paused and not (reader.in_body and request is not None and request.is_full):
            self.flow.resume_reading()
        if self._end.is_half_closed:
            self._end.on_half_close(request)
        elif reader.in_body and request is not None:
            request.start_body_timeout()

    def _read_soon(self) -> None:
        """Read in the next iteration of the loop, so that connections take turns."""
        if not self._will_read:
            self._will_read = True
            self.loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._will_read = False
        if self._input.unread and self._may_read() and not self.transport.is_closing():
            self._read()

    # A head is complete.

    def start_request(self) -> RequestCycle:
        """Start a request on the fast path if it matches, otherwise on the framework's."""
        reader, route = self._reader, self._fast_route
        self._timer.stop()  # the request has its own timeout
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

    # A response is written.

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
        self.transport.write_now(b"".join(response))  # type: ignore[attr-defined]
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """Read bytes that have arrived since, wait for another request, or end the connection."""
        self.server_state.total_requests += 1
        request = self._request
        if request is not None and not self._end.after_response(request):
            if self.flow.read_paused:
                self.flow.resume_reading()
            if self._reader.in_body:
                self._timer.wait_for_rest_of_body()
            else:
                self._timer.wait_for_next_request()
                if self._input.unread:
                    self._read_soon()
        if self._is_counted:
            self._count_held()

    def pause_writing(self) -> None:
        """Start the timeout for a client that does not read what was written."""
        self.flow.pause_writing()
        self._timer.wait_for_read()

    def resume_writing(self) -> None:
        """The client has read what was written: start the timeout of the next step, and read on."""
        self.flow.resume_writing()
        if self._end.has_ended:
            self._end.linger()
        elif self._request is not None and not self._request.response_complete:
            self._timer.stop()
        elif self._reader.in_body:
            self._timer.wait_for_rest_of_body()
        elif self._reader.in_head:
            self._timer.wait_for_head()
        else:
            self._timer.wait_for_next_request()
        self._read_soon()

    # The memory of bodies.

    def _count_held(self) -> None:
        """Report the held bytes to the body budget. The framework may hold a complete body."""
        held, request = self._input.unread, self._request
        is_due = request is not None and not request.response_complete
        if is_due and request is not None and (self._reader.in_body or request.keeps_body):
            held += request.held_bytes(self._reader.body_bytes)
        if self._body_budget is not None:
            self._is_counted = held > FREE_BYTES
            self._body_budget.hold(self, held)

    def drop_bytes(self) -> None:
        """Drop all held bytes and end the connection: the body budget is exceeded."""
        self._is_counted = False
        self._end.drop_bytes(self._request)

    # The client half-closes or disconnects; the server shuts down.

    def eof_received(self) -> bool:  # type: ignore[override] # True keeps the connection open
        """The client has closed its sending side: it gets responses, but nothing is computed for it."""
        self._end.is_half_closed = True
        if self._end.discards_input:
            return False
        if not self._input.unread:
            self._end.on_half_close(self._request)
        return not self.transport.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the request of a client that has disconnected; drop references that lead back to this.

        The connection is then freed by reference counting. Thousands of connections in reference cycles would
        wait for a full garbage collection, which would stop the event loop for tenths of a second.
        """
        if self._connection_limit is not None:
            self._connection_limit.release(self)
        if self._body_budget is not None:
            self._body_budget.release(self)
        self._end.discards_input = True
        self._input.drop()
        if self._request is not None:
            self._request.on_disconnect()
            self._request = None
        self._timer.close()
        self._reader.close()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close an idle connection now, and a busy one after its response."""
        if self._request is None or self._request.response_complete:
            self._end.close()
        else:
            self._request.keep_alive = False
