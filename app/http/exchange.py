"""One request past the framework, from its head to its answer: a few plain calls.

It knows HTTP's words and nothing of connections.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter

from fastapi import Request
from starlette.types import Scope

from app.api import problems
from app.api.headers import FirstValues
from app.api.predict import CLIENT_CLOSED, Asked, Wish
from app.api.security import PLAIN
from app.errors import AppError, ClientClosed, EngineError, MalformedPayload, SlowPayload
from app.http.fast_path import Direct, lines
from app.inference.batching import Answer
from app.inference.predictions import Share

log = logging.getLogger(__name__)

# Takes an answer: its exchange, status, lines of headers and body.
Respond = Callable[["Exchange", int, bytes, bytes], None]

# What requests are counted as whose callers leave before they have sent them, and before they are answered.
UNFINISHED = 400
GONE = 499


class Exchange:
    """One request and its answer.

    Whoever brings the request calls `start`, then `feed` and `complete`, with `wait` where it has no more to
    bring for now; `leave` or `fail` when no more comes, or `abandon` when the caller is gone.

    Args:
        direct: what answers.
        headers: the request's.
        respond: called once, with the answer.
        keep_alive: whether the connection may be used again.

    Attributes:
        response_complete: whether it was answered or abandoned: what comes after that is thrown away.
        keep_alive: as given, or False once it may not; for whoever brings the request.
        is_last: whether the connection ends with the answer; for whoever brings the request.
    """

    waiting_for_100_continue = False  # no exchange is made of a request that asks whether to continue
    is_full = keeps_body = False

    __slots__ = (
        "_arrived",
        "_asked",
        "_body",
        "_deadline",
        "_direct",
        "_headers",
        "_loop",
        "_patience",
        "_respond",
        "_scope",
        "_wish",
        "is_last",
        "keep_alive",
        "response_complete",
    )

    def __init__(self, direct: Direct, headers: FirstValues, respond: Respond, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.is_last = False
        self.response_complete = False
        self._headers = headers
        self._wish: Wish | None = None
        self._direct = direct
        self._respond = respond
        self._arrived = perf_counter()
        self._loop = asyncio.get_running_loop()
        self._deadline: float
        self._body: list[bytes] = []
        self._asked: Asked | None = None
        self._patience: asyncio.TimerHandle | None = None
        around = direct.surroundings
        # As much of one as an answer, a trace and a line in the log take.
        self._scope: Scope = {
            "type": "http",
            "headers": headers.fields,
            "request_id": around.request_id(headers),
            "url_prefix": around.root_path,
        }

    def start(self) -> None:
        """All headers are there."""
        predict, doorkeeper = self._direct.predict, self._direct.doorkeeper
        try:
            if doorkeeper is not None:
                self._scope["caller"] = doorkeeper.caller(self._headers)
            if refusal := predict.refusal():
                self._refuse(refusal)
                return
            self._wish = wish = predict.read_head(self._headers)
            self._deadline = self._loop.time() + wish.seconds
        except Exception as error:  # noqa: BLE001 - every error is an answer
            self._fail(error)

    def feed(self, part: bytes) -> None:
        """Some of the body is there; no more of it comes than was told."""
        if not self.response_complete:
            self._body.append(part)

    def wait(self) -> None:
        """What came has been handed over. If that was not all of the body, wait, not for ever."""
        if self._patience is None and self._asked is None and not self.response_complete:
            self._patience = self._loop.call_at(self._deadline, self._too_slow)

    def complete(self) -> None:
        """All of the body is there."""
        if self.response_complete or self._wish is None:
            return
        self._lose_patience()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        try:
            self._asked = asked = self._direct.predict.ask(self._wish, body, deadline=self._deadline)
        except Exception as error:  # noqa: BLE001 - every error is an answer
            self._fail(error)
        else:
            asked.entry.caller.add_done_callback(self._answered)

    def leave(self) -> None:
        """The caller sends nothing more, but may still read: tell it why it gets no prediction.

        What waits is withdrawn, as it is when the caller is gone: which of them it is cannot be seen.
        """
        if self.response_complete:
            return
        if self._asked is None:
            self._fail(
                MalformedPayload(f"the connection ended after {self._arrived_bytes()} bytes of the body")
            )
        else:
            self._direct.predict.withdraw(self._asked)
            self._fail(ClientClosed(CLIENT_CLOSED))

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
        if self.response_complete:
            return
        self._lose_patience()
        if self._asked is not None:
            self._direct.predict.withdraw(self._asked)
        self.response_complete = True
        was_sent = self._asked is not None
        self._scope["fault"] = "cancelled" if was_sent else "unfinished"
        self._record(GONE if was_sent else UNFINISHED, self._asked)

    def _answered(self, caller: asyncio.Future[Answer[Share]]) -> None:
        if self.response_complete or self._asked is None:
            return
        # Not raised here: its traceback would hold this frame, and that the exchange and its connection.
        if (failure := caller.exception()) is not None:
            self._fail(failure if isinstance(failure, Exception) else EngineError(str(failure)))
            return
        try:
            content, media_type, timing = self._direct.predict.write(self._asked, caller.result())
        except Exception as error:  # noqa: BLE001 - every error is an answer
            self._fail(error)
            return
        self._send(200, _head_of(media_type), content, timing=f"{timing}, ")

    def _too_slow(self) -> None:
        self._fail(SlowPayload(f"only {self._arrived_bytes()} bytes of the body arrived in time"))

    def _arrived_bytes(self) -> int:
        return sum(map(len, self._body))

    def _refuse(self, error: AppError) -> None:
        status, head, before, after, self._scope["fault"] = self._direct.refused(self._scope, error)
        self._send(status, head, b"%b%b%b" % (before, self._scope["request_id"].encode(), after))

    def _fail(self, error: Exception) -> None:
        self._lose_patience()
        self._body.clear()
        request = Request(self._scope)
        if isinstance(error, AppError):
            response = problems.answer(request, error)
        else:
            response = problems.unexpected(request, error)
            log.error("its trace", exc_info=error, extra={"request_id": self._scope["request_id"]})
        self._send(response.status_code, lines(response.raw_headers), bytes(response.body))

    def _send(self, status: int, head: bytes, content: bytes, *, timing: str = "") -> None:
        """Answer with lines of headers, to which those are added that are this answer's own."""
        self.response_complete = True
        asked = self._asked
        self._asked = None  # a connection keeps its latest exchange, but not the batch of that
        milliseconds = (perf_counter() - self._arrived) * 1e3
        request_id = self._scope["request_id"]
        own = (
            f"content-length: {len(content)}\r\nx-request-id: {request_id}\r\n"
            f"server-timing: {timing}total;dur={milliseconds:.3f}\r\n"
        )
        self._respond(self, status, head + own.encode(), content)
        self._record(status, asked)

    def _record(self, status: int, asked: Asked | None) -> None:
        direct = self._direct
        direct.surroundings.record(
            self._scope, direct.method, direct.path, status=status, arrived=self._arrived, asked=asked
        )

    def _lose_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


@lru_cache(maxsize=8)
def _head_of(media_type: str) -> bytes:
    """Lines of headers that all answers in a media type have."""
    return lines([(b"content-type", media_type.encode()), *PLAIN])
