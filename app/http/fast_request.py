"""One request on the fast path, from its head to its response.

It knows HTTP and nothing of connections.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter

from app.api.dialects import Encoded
from app.api.headers import RequestHead, complete, lines
from app.api.predict import PredictCall
from app.api.recorder import request_id_of
from app.api.request_body import CLIENT_CLOSED
from app.errors import AppError, ClientClosed, EngineError, MalformedPayload, SlowPayload
from app.http.fast_path import FastRoute, Match
from app.inference.batching import BatchResult
from app.inference.predictions import BatchSlice
from app.telemetry.request_record import RequestRecord

log = logging.getLogger(__name__)

# Writes a response: called with the request, status, header lines and body.
Respond = Callable[["FastRequest", int, bytes, bytes], None]

# Status in the metrics if the client disconnects before the end of the body, and before the response.
INCOMPLETE_BODY = 400
CLIENT_CLOSED_REQUEST = 499  # as nginx counts it


class FastRequest:
    """One request and its response.

    The connection calls `start`, then the methods of `RequestCycle`.

    Args:
        route: the fast path.
        match: of its path.
        head: of the request.
        respond: called once, with the response.
        keep_alive: whether the connection may be used again.

    Attributes:
        response_complete: whether the response was written or aborted: the rest of the body is discarded.
        keep_alive: whether the connection may be used again; set by the connection.
        is_last: whether the connection ends with the response; set by the connection.
    """

    waiting_for_100_continue = False  # a request with Expect takes the framework's path
    is_full = keeps_body = False

    __slots__ = (
        "_body",
        "_body_timer",
        "_call",
        "_dialect",
        "_head",
        "_loop",
        "_record",
        "_respond",
        "_route",
        "is_last",
        "keep_alive",
        "response_complete",
    )

    def __init__(
        self, route: FastRoute, match: Match, head: RequestHead, respond: Respond, *, keep_alive: bool
    ) -> None:
        self.keep_alive = keep_alive
        self.is_last = False
        self.response_complete = False
        self._route = route
        self._dialect = match.dialect
        self._head = head
        head.parameters = match.parameters
        self._respond = respond
        self._loop = asyncio.get_running_loop()
        self._body: list[bytes] = []
        self._body_timer: asyncio.TimerHandle | None = None
        self._call: PredictCall | None = PredictCall(route.predictor, match.dialect)
        self._record = RequestRecord(
            request_id_of(head),
            perf_counter(),
            "POST",
            match.path,
            protocol=match.dialect.name,
            route=match.template,
        )

    def start(self) -> None:
        """Check the API key, refuse the request or read its options."""
        call, route = self._call, self._route
        assert call is not None  # noqa: S101 - set until the response
        try:
            if route.auth is not None:
                self._record.client = route.auth.authenticate(self._head)
            if refusal := call.refusal():
                self._send(route.errors.for_refusal(refusal, self._dialect, self._record))
                return
            call.read_head(self._head, now=self._loop.time())
        except Exception as error:  # noqa: BLE001 - every error becomes a response
            self._fail(error)

    def held_bytes(self, arrived: int) -> int:
        """All that arrived."""
        return arrived

    def feed(self, part: bytes) -> None:
        """Add a part of the body; it is never longer than its Content-Length."""
        if not self.response_complete:
            self._body.append(part)

    def start_body_timeout(self) -> None:
        """Wait for the rest of the body until the deadline of the request."""
        call = self._call
        if self._body_timer is None and call is not None and not call.is_admitted:
            self._body_timer = self._loop.call_at(call.deadline, self._on_body_timeout)

    def complete(self) -> None:
        """Decode the body and submit its series."""
        call = self._call
        if call is None:
            return
        self._stop_body_timeout()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        try:
            future = call.submit(body)
        except Exception as error:  # noqa: BLE001 - every error becomes a response
            self._fail(error)
        else:
            future.add_done_callback(self._on_prediction)

    def on_half_close(self) -> None:
        """Cancel the request and send an error response: the client sends nothing more, but may still read.

        A client that has closed its connection looks the same, so nothing is computed for it.
        """
        call = self._call
        if call is None:
            return
        if call.is_admitted:
            call.cancel()
            self._fail(ClientClosed(CLIENT_CLOSED))
        else:
            arrived = self._arrived_bytes()
            self._fail(MalformedPayload(f"the connection ended after {arrived} bytes of the body"))

    def fail(self, error: AppError) -> None:
        """Drop the rest of the body and send an error response."""
        if not self.response_complete:
            self._fail(error)

    def abort(self) -> bool:
        """Send no response; return whether none was sent."""
        was_unsent = not self.response_complete
        self.on_disconnect()
        return was_unsent

    def on_disconnect(self) -> None:
        """Cancel the request: the client has disconnected."""
        call = self._call
        if call is None:
            return
        self._stop_body_timeout()
        call.cancel()
        self.response_complete = True
        self._record.fault = "cancelled" if call.is_admitted else "unfinished"
        self._end(CLIENT_CLOSED_REQUEST if call.is_admitted else INCOMPLETE_BODY)

    def _on_prediction(self, future: asyncio.Future[BatchResult[BatchSlice]]) -> None:
        call = self._call
        if call is None:
            return
        # Not raised here: its traceback would keep this frame, the request and its connection alive.
        if (failure := future.exception()) is not None:
            self._fail(failure if isinstance(failure, Exception) else EngineError(str(failure)))
            return
        try:
            encoded = call.encode(future.result())
        except Exception as error:  # noqa: BLE001 - every error becomes a response
            self._fail(error)
            return
        self._send(encoded)

    def _on_body_timeout(self) -> None:
        self._fail(SlowPayload(f"only {self._arrived_bytes()} bytes of the body arrived in time"))

    def _arrived_bytes(self) -> int:
        return sum(map(len, self._body))

    def _fail(self, error: Exception) -> None:
        self._stop_body_timeout()
        self._body.clear()
        encoded = self._route.errors.for_error(error, self._dialect, self._record)
        if not isinstance(error, AppError):
            log.error("its trace", exc_info=error, extra={"request_id": self._record.request_id})
        self._send(encoded)

    def _send(self, encoded: Encoded) -> None:
        self.response_complete = True
        status, headers, content = encoded
        record = self._record
        sent = complete(headers, request_id=record.request_id, seconds=perf_counter() - record.arrived)
        self._respond(self, status, lines(sent), content)
        self._end(status)

    def _end(self, status: int) -> None:
        call, self._call = self._call, None  # a connection keeps its latest request, but not the series
        self._route.recorder.record(self._record, self._head, status=status, call=call)

    def _stop_body_timeout(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
