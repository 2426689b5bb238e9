"""One request past the framework, from its head to its answer: a few plain calls.

It knows HTTP's words and nothing of connections.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter

from app.api.dialects import Encoded
from app.api.headers import RequestHead, complete, lines
from app.api.predict import CLIENT_CLOSED, PredictCall
from app.api.recorder import request_id_of
from app.errors import AppError, ClientClosed, EngineError, MalformedPayload, SlowPayload
from app.http.fast_path import FastRoute, Match
from app.inference.batching import Answer
from app.inference.predictions import BatchSlice
from app.telemetry.request_record import RequestRecord

log = logging.getLogger(__name__)

# Takes an answer: its request, status, lines of headers and body.
Respond = Callable[["FastRequest", int, bytes, bytes], None]

# What requests are counted as whose callers leave before they have sent them, and before they are answered.
UNFINISHED = 400
GONE = 499


class FastRequest:
    """One request and its answer.

    Whoever brings the request calls `start`, then `feed` and `complete`, with `wait` where it has no more to
    bring for now; `leave` or `fail` when no more comes, or `abandon` when the caller is gone.

    Args:
        route: what answers.
        match: of its path.
        head: of the request.
        respond: called once, with the answer.
        keep_alive: whether the connection may be used again.

    Attributes:
        response_complete: whether it was answered or abandoned: what comes after that is thrown away.
        keep_alive: as given, or False once it may not; for whoever brings the request.
        is_last: whether the connection ends with the answer; for whoever brings the request.
    """

    waiting_for_100_continue = False  # a request that asks whether to continue takes the framework's way
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
        """All headers are there."""
        call, route = self._call, self._route
        assert call is not None  # noqa: S101 - there is one until the answer
        try:
            if route.auth is not None:
                self._record.client = route.auth.authenticate(self._head)
            if refusal := call.refusal():
                self._send(route.errors.for_refusal(refusal, self._dialect, self._record))
                return
            call.read_head(self._head, now=self._loop.time())
        except Exception as error:  # noqa: BLE001 - every error is an answer
            self._fail(error)

    def feed(self, part: bytes) -> None:
        """Some of the body is there; no more of it comes than was told."""
        if not self.response_complete:
            self._body.append(part)

    def wait(self) -> None:
        """What came has been handed over. If that was not all of the body, wait, not for ever."""
        call = self._call
        if self._body_timer is None and call is not None and not call.is_admitted:
            self._body_timer = self._loop.call_at(call.deadline, self._too_slow)

    def complete(self) -> None:
        """All of the body is there."""
        call = self._call
        if call is None:
            return
        self._stop_waiting()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        try:
            future = call.submit(body)
        except Exception as error:  # noqa: BLE001 - every error is an answer
            self._fail(error)
        else:
            future.add_done_callback(self._answered)

    def leave(self) -> None:
        """The caller sends nothing more, but may still read: tell it why it gets no prediction.

        What waits is withdrawn, as it is when the caller is gone: which of them it is cannot be seen.
        """
        call = self._call
        if call is None:
            return
        if call.is_admitted:
            call.withdraw()
            self._fail(ClientClosed(CLIENT_CLOSED))
        else:
            arrived = self._arrived_bytes()
            self._fail(MalformedPayload(f"the connection ended after {arrived} bytes of the body"))

    def fail(self, error: AppError) -> None:
        """The rest of the body will not be read."""
        if not self.response_complete:
            self._fail(error)

    def give_up(self) -> bool:
        """Leave the request without an answer; whether it had none."""
        had_none = not self.response_complete
        self.abandon()
        return had_none

    def abandon(self) -> None:
        """The caller is gone: compute nothing for it any more."""
        call = self._call
        if call is None:
            return
        self._stop_waiting()
        call.withdraw()
        self.response_complete = True
        self._record.fault = "cancelled" if call.is_admitted else "unfinished"
        self._end(GONE if call.is_admitted else UNFINISHED)

    def _answered(self, future: asyncio.Future[Answer[BatchSlice]]) -> None:
        call = self._call
        if call is None:
            return
        # Not raised here: its traceback would hold this frame, and that the request and its connection.
        if (failure := future.exception()) is not None:
            self._fail(failure if isinstance(failure, Exception) else EngineError(str(failure)))
            return
        try:
            encoded = call.encode(future.result())
        except Exception as error:  # noqa: BLE001 - every error is an answer
            self._fail(error)
            return
        self._send(encoded)

    def _too_slow(self) -> None:
        self._fail(SlowPayload(f"only {self._arrived_bytes()} bytes of the body arrived in time"))

    def _arrived_bytes(self) -> int:
        return sum(map(len, self._body))

    def _fail(self, error: Exception) -> None:
        self._stop_waiting()
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
        call, self._call = self._call, None  # a connection keeps its latest request, but not its series
        self._route.recorder.record(self._record, self._head, status=status, call=call)

    def _stop_waiting(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
