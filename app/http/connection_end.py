"""How a connection ends.

It ends with the response to a request for which `is_last` is true (`after_response`), with an error response
if there is no request (`refuse`), or without a response (`close`). What the client still sends is read and
discarded for a while, a lingering close (`linger`): if a connection is closed with unread bytes, the system
resets it, and the client may lose the last response.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from app.api.headers import Header
from app.api.recorder import new_request_id
from app.errors import BodyBudgetFull
from app.http import connection_errors
from app.http.fast_path import FastRoute
from app.http.head import NOT_HTTP
from app.http.input import InputBuffer
from app.http.message import MessageReader, RequestCycle
from app.http.timeouts import ConnectionTimer
from app.http.transport import ReadFlowControl

# Up to so many bytes of an unneeded body are read and discarded to keep the connection open. For more bytes,
# a new connection is faster.
DISCARD_BYTES = 256 * 1024

REQUEST_TIMEOUT = 408


class ConnectionEnd:
    """Decides when a connection ends, and ends it.

    Args:
        transport: of the connection.
        flow: of the connection.
        timer: of the connection.
        received: bytes that are not parsed yet.
        reader: parses messages.
        fast_route: of the app, if it has one.
        default_headers: of every response.

    Attributes:
        is_half_closed: whether the client has closed its sending side.
        discards_input: whether all further input is discarded.
        has_ended: whether the last response was written.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        flow: ReadFlowControl,
        timer: ConnectionTimer,
        received: InputBuffer,
        reader: MessageReader,
        *,
        fast_route: FastRoute | None,
        default_headers: Callable[[], list[Header]],
    ) -> None:
        self.is_half_closed = self.discards_input = self.has_ended = False
        self._has_dropped_input = False  # bytes of waiting requests
        self._transport, self._flow, self._timer = transport, flow, timer
        self._input, self._reader = received, reader
        self._fast_route, self._default_headers = fast_route, default_headers
        self._error: tuple[int, str] | None = None  # status and reason

    def is_last(self, request: RequestCycle, status: int) -> bool:
        """Whether the connection ends with the response to a request; called before the response is written.

        Args:
            request: its `keep_alive` is whether the client and the server would use the connection again.
            status: of the response.
        """
        if self._fast_route is not None and self._fast_route.recorder.is_draining():
            return True  # clients should use another replica
        if self._timer.is_old:
            return True  # clients should spread over the replicas that there are now
        if not request.keep_alive or (self.is_half_closed and not self._input.unread):
            return True
        if not self._reader.in_body:
            return False
        # Without 100 Continue, the client may send its body or another request: the server cannot know which.
        is_ambiguous = request.waiting_for_100_continue
        left = self._reader.body_left
        return is_ambiguous or status == REQUEST_TIMEOUT or left is None or left > DISCARD_BYTES

    def after_response(self, request: RequestCycle) -> bool:
        """End the connection if the written response is its last; return whether it is."""
        if self._transport.is_closing():
            self.close()
        elif request.is_last or (self.is_half_closed and not self._input.unread):
            if self._reader.in_body or self._has_dropped_input or self._input.unread:
                self.linger()
            else:
                self.discards_input = self.has_ended = True
                self.close()
        elif self._error is not None:
            self._end_with_error(*self._error)
        else:
            return False
        return True

    def refuse(self, request: RequestCycle | None, status: int, reason: str = "") -> None:
        """Read nothing more, and end the connection with an error response, after any pending response.

        Args:
            request: the latest.
            status: of the error.
            reason: for the client.
        """
        self._error = status, reason
        self.discards_input = True
        self._input.drop()
        if self._transport.is_closing():
            return
        if self._reader.in_body and request is not None and not request.abort():
            self.linger()  # a part of its response was written
        elif request is None or request.response_complete:
            self._end_with_error(status, reason)

    def drop_bytes(self, request: RequestCycle | None) -> None:
        """Drop the bytes of a body or of waiting requests, and end the connection."""
        if request is None or request.response_complete:
            self.linger()
            return
        request.keep_alive, request.is_last = False, True
        if self._reader.in_body:
            request.fail(
                BodyBudgetFull(
                    "too many bytes of request bodies at once (MAX_BODY_BYTES_IN_FLIGHT); try again in 1 s"
                )
            )
        else:
            self._input.drop()
            self._has_dropped_input = True  # the response has Connection: close

    def on_half_close(self, request: RequestCycle | None) -> None:
        """The client has closed its sending side and all its bytes are read; it may still read a response."""
        if self._reader.in_head:
            self.refuse(request, NOT_HTTP, "the connection was closed before the end of the head")
        elif request is None or request.response_complete:
            self.close()
        else:
            request.on_half_close()

    def linger(self) -> None:
        """Lingering close: discard input until the client has read the last response, or a timeout."""
        is_first, self.discards_input, self.has_ended = not self.has_ended, True, True
        self._input.drop()
        if self.is_half_closed:
            self.close()
            return
        if is_first:
            self._flow.is_held = False
            self._flow.resume_reading()
            self._transport.write_eof()
        self._timer.wait_for_close()

    def close(self) -> None:
        """Close the connection once the client has read what was written, or after a timeout."""
        self._timer.wait_for_read()
        self._transport.close()

    def _end_with_error(self, status: int, reason: str) -> None:
        """Write a problem document. Invalid input counts as a request, unless it is the body of one."""
        request_id, root_path = new_request_id(), ""
        if self._fast_route is not None:
            root_path = self._fast_route.errors.root_path
            if status != connection_errors.TOO_MANY_CONNECTIONS and not self._reader.in_body:
                self._fast_route.recorder.record_unread(status, request_id=request_id)
        headers = self._default_headers()
        error = connection_errors.error_response(
            status, reason, request_id=request_id, headers=headers, root_path=root_path
        )
        self._transport.write(error)
        self.linger()
