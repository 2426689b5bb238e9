"""How a connection ends: all of it is here.

It ends with the response to a request for which `is_last` says so (`after`), with an error where there is no
request to answer (`refuse`), or without a response where none is due (`close`). What its caller still sends
is read and thrown away for a while (`linger`): a connection that is closed with bytes unread is reset, and
the last response perhaps lost.
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
from app.http.message import Cycle, MessageReader
from app.http.timeouts import ConnectionTimer
from app.http.transport import ReadFlowControl

# Of a body that is not needed any more, so much is read and thrown away for the connection to be used again.
# For more than that it is quicker to end it.
DISCARD_BYTES = 256 * 1024

REQUEST_TIMEOUT = 408


class ConnectionEnd:
    """Decides when a connection ends, and ends it.

    Args:
        transport: of the connection.
        flow: of the connection.
        timer: of the connection.
        unread: what has come and was not read.
        reader: what is being read.
        fast_route: of the app, if it has one.
        default_headers: of every response.

    Attributes:
        has_left: whether the caller has shut down its sending side.
        discards: whether nothing more is read: what comes is thrown away.
        has_ended: whether the last response was written.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        flow: ReadFlowControl,
        timer: ConnectionTimer,
        unread: InputBuffer,
        reader: MessageReader,
        *,
        fast_route: FastRoute | None,
        default_headers: Callable[[], list[Header]],
    ) -> None:
        self.has_left = self.discards = self.has_ended = False
        self._has_dropped = False  # bytes of requests that wait, to give their memory back
        self._transport, self._flow, self._timer = transport, flow, timer
        self._input, self._reader = unread, reader
        self._fast_route, self._default_headers = fast_route, default_headers
        self._refusal: tuple[int, str] | None = None  # status and reason

    def is_last(self, request: Cycle, status: int) -> bool:
        """Whether the connection ends with the response to a request; either path asks before it writes.

        Args:
            request: it says whether its caller, and the server, would use the connection again.
            status: of the response.
        """
        if self._fast_route is not None and self._fast_route.recorder.is_draining():
            return True  # clients should find another replica
        if not request.keep_alive or (self.has_left and not self._input.unread):
            return True
        if not self._reader.in_body:
            return False
        # A caller that was not told to go on may send its body or another request: nobody can tell which.
        is_unsure = request.waiting_for_100_continue
        left = self._reader.body_left
        return is_unsure or status == REQUEST_TIMEOUT or left is None or left > DISCARD_BYTES

    def after(self, request: Cycle) -> bool:
        """End the connection if it ends with this request, whose response was written; whether it does."""
        if self._transport.is_closing():
            self.close()
        elif request.is_last or (self.has_left and not self._input.unread):
            if self._reader.in_body or self._has_dropped or self._input.unread:
                self.linger()
            else:
                self.discards = self.has_ended = True
                self.close()
        elif self._refusal is not None:
            self._end_with_error(*self._refusal)
        else:
            return False
        return True

    def refuse(self, request: Cycle | None, status: int, reason: str = "") -> None:
        """Read nothing more, and end the connection with an error, behind the response that is due.

        Args:
            request: the latest.
            status: of the error.
            reason: for it; any caller may read that.
        """
        self._refusal = status, reason
        self.discards = True
        self._input.drop()
        if self._transport.is_closing():
            return
        if self._reader.in_body and request is not None and not request.give_up():
            self.linger()  # a part of its response was written
        elif request is None or request.response_complete:
            self._end_with_error(status, reason)

    def give_back(self, request: Cycle | None) -> None:
        """Hold nothing any more of a body, or of requests that wait, and end the connection."""
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
            self._has_dropped = True  # the response says that they are not read

    def caller_left(self, request: Cycle | None) -> None:
        """All that the caller has sent is read, and no more comes: it may still read a response."""
        if self._reader.in_head:
            self.refuse(request, NOT_HTTP, "the connection ended within a head")
        elif request is None or request.response_complete:
            self.close()
        else:
            request.leave()

    def linger(self) -> None:
        """Read and throw away what comes, for as long as the caller may take to read the last response."""
        is_first, self.discards, self.has_ended = not self.has_ended, True, True
        self._input.drop()
        if self.has_left:
            self.close()
            return
        if is_first:
            self._flow.is_held = False
            self._flow.resume_reading()
            self._transport.write_eof()
        self._timer.end()

    def close(self) -> None:
        """Close the connection once the caller has read what was written; it has a while for that."""
        self._timer.reading()
        self._transport.close()

    def _end_with_error(self, status: int, reason: str) -> None:
        """Write a problem document. What is no request is counted as one, unless it was the body of one."""
        request_id, root_path = new_request_id(), ""
        if self._fast_route is not None:
            root_path = self._fast_route.errors.root_path
            if status != connection_errors.NO_ROOM and not self._reader.in_body:
                self._fast_route.recorder.record_unread(status, request_id=request_id)
        headers = self._default_headers()
        error = connection_errors.write(
            status, reason, request_id=request_id, headers=headers, root_path=root_path
        )
        self._transport.write(error)
        self.linger()
