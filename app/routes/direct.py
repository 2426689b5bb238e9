"""The way past the framework for the one request that comes thousands of times a second.

Making a task of a request, passing it through layers of middleware, finding its route and sending its
answer as messages cost several times what this server does itself. Here a request is a few plain calls: its
head has come, its body has come, its answer is there. The steps are those of `app.routes.predict`, which the
documented route takes too, and errors are the same documents.

It knows HTTP's words and nothing of connections: `app/protocol.py` brings the bytes and takes them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

from fastapi import Request
from starlette.types import Scope

from app.batching import Answer
from app.errors import AppError, SlowPayload
from app.predictions import Share
from app.routes import problems
from app.routes.context import Headers, Surroundings
from app.routes.doorkeeper import Doorkeeper
from app.routes.headers import FirstValues
from app.routes.predict import Asked, Predict, Wish
from app.routes.security import PLAIN

log = logging.getLogger(__name__)

# Takes an answer: its exchange, status, headers and body.
Respond = Callable[["Exchange", int, Headers, bytes], None]

# What requests are counted as whose callers leave before they have sent them, and before they are answered.
UNFINISHED = 400
GONE = 499

# With any of these the framework's way is taken: rare, and nothing that is worth saying twice.
_UNUSUAL = (b"transfer-encoding", b"content-encoding", b"expect", b"upgrade")
# Stands for a request's id in a document that many get, each with its own. No caller sends one like it.
_SOMEONE = "<request id>"


class Refused(NamedTuple):
    """An answer but for its length and the request's id, which stands between two parts of the content."""

    status: int
    headers: Headers
    before: bytes
    after: bytes
    fault: str


class Direct:
    """Takes the requests that are plain enough.

    Args:
        predict: the steps of an answer.
        surroundings: of every request.
        method: in capitals.
        path: without a query.
        doorkeeper: lets in who has a key; None if none is needed.
        unusual: names of headers, besides those that are known here, that take a request the framework's way.
    """

    def __init__(
        self,
        predict: Predict,
        surroundings: Surroundings,
        *,
        method: str,
        path: str,
        doorkeeper: Doorkeeper | None = None,
        unusual: tuple[bytes, ...] = (),
    ) -> None:
        self.predict = predict
        self.surroundings = surroundings
        self.doorkeeper = doorkeeper
        self.method, self.path = method, path
        self._line = method.encode(), path.encode()
        self._unusual = frozenset((*_UNUSUAL, *unusual))
        self._refusal: tuple[AppError, Refused] | None = None

    def takes(self, method: bytes, target: bytes, headers: FirstValues) -> bool:
        """Whether a request is plain: this method and target, with a body whose length is told."""
        return (
            (method, target) == self._line
            and headers.get(b"content-length") is not None
            and not headers.has_any(self._unusual)
        )

    def refused(self, scope: Scope, error: AppError) -> Refused:
        """The document of an error, made once for all who are told the very same one.

        Making it takes longer than everything else that is done for a request that is refused.
        """
        if self._refusal is None or self._refusal[0] is not error:
            request = Request({**scope, "request_id": _SOMEONE})
            response = problems.answer(request, error)
            headers = [header for header in response.raw_headers if header[0] != b"content-length"]
            before, _, after = bytes(response.body).partition(_SOMEONE.encode())
            fault = request.scope["fault"]
            self._refusal = error, Refused(response.status_code, headers, before, after, fault)
        return self._refusal[1]


class Exchange:
    """One request and its answer.

    Whoever brings the request calls `start`, then `feed` and `complete`, with `wait` where it has no more to
    bring for now; or `abandon`, when the caller is gone.

    Args:
        direct: what answers.
        scope: the request's, as far as there is one: its headers.
        respond: called once, with the answer.

    Attributes:
        response_complete: whether it was answered or abandoned: what comes after that is thrown away.
        keep_alive: whether the connection may be used again; for whoever brings the request.
    """

    __slots__ = (
        "_arrived",
        "_asked",
        "_body",
        "_direct",
        "_headers",
        "_loop",
        "_patience",
        "_respond",
        "_scope",
        "_wish",
        "keep_alive",
        "response_complete",
    )

    def __init__(
        self, direct: Direct, scope: Scope, headers: FirstValues, respond: Respond, *, keep_alive: bool
    ) -> None:
        self._direct = direct
        self._scope = scope
        self._headers = headers
        self._respond = respond
        self._arrived = perf_counter()
        self._loop = asyncio.get_running_loop()
        self._body: list[bytes] = []
        self._wish: Wish
        self._asked: Asked | None = None
        self._patience: asyncio.TimerHandle | None = None
        self.keep_alive = keep_alive
        self.response_complete = False
        scope["request_id"] = direct.surroundings.request_id(headers)

    def start(self) -> None:
        """All headers are there."""
        predict, doorkeeper = self._direct.predict, self._direct.doorkeeper
        try:
            if doorkeeper is not None:
                self._scope["caller"] = doorkeeper.caller(self._headers)
            if refusal := predict.refusal():
                self._refuse(refusal)
            else:
                self._wish = predict.read_head(self._headers, b"", now=self._loop.time())
        except Exception as error:  # noqa: BLE001 - every error is an answer
            self._fail(error)

    def feed(self, part: bytes) -> None:
        """Some of the body is there; no more of it comes than was told."""
        if not self.response_complete:
            self._body.append(part)

    def wait(self) -> None:
        """What came has been handed over. If that was not all of the body, wait, not for ever."""
        if self._patience is None and self._asked is None and not self.response_complete:
            self._patience = self._loop.call_at(self._wish.deadline, self._too_slow)

    def complete(self) -> None:
        """All of the body is there."""
        if self.response_complete:
            return
        self._lose_patience()
        body = b"".join(self._body)
        self._body.clear()
        try:
            self._asked = self._direct.predict.ask(self._wish, body)
        except Exception as error:  # noqa: BLE001 - every error is an answer
            self._fail(error)
        else:
            self._asked.entry.caller.add_done_callback(self._answered)

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
        try:
            content, media_type, timing = self._direct.predict.write(self._asked, caller.result())
        except Exception as error:  # noqa: BLE001 - every error is an answer
            self._fail(error)
            return
        headers = [
            (b"content-type", media_type.encode()),
            (b"content-length", b"%d" % len(content)),
            (b"server-timing", timing.encode()),
            *PLAIN,
        ]
        self._send(200, headers, content)

    def _too_slow(self) -> None:
        arrived = sum(map(len, self._body))
        self.keep_alive = False  # the rest of the body may never come
        self._fail(SlowPayload(f"only {arrived} bytes of the body arrived in time"))

    def _refuse(self, error: AppError) -> None:
        status, headers, before, after, self._scope["fault"] = self._direct.refused(self._scope, error)
        request_id = self._scope["request_id"].encode()
        content = b"%b%b%b" % (before, request_id, after)
        self._send(status, [*headers, (b"content-length", b"%d" % len(content))], content)

    def _fail(self, error: Exception) -> None:
        self._lose_patience()
        request = Request(self._scope)
        if isinstance(error, AppError):
            response = problems.answer(request, error)
        else:
            response = problems.unexpected(request, error)
            log.error("its trace", exc_info=error, extra={"request_id": self._scope["request_id"]})
        self._send(response.status_code, response.raw_headers, bytes(response.body))

    def _send(self, status: int, headers: Headers, content: bytes) -> None:
        self.response_complete = True
        asked = self._asked
        self._asked = None  # a connection keeps its latest exchange, but not the batch of that
        seconds = perf_counter() - self._arrived
        request_id = self._scope["request_id"]
        around = self._direct.surroundings
        self._respond(
            self, status, around.completed(headers, request_id=request_id, seconds=seconds), content
        )
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
