"""What surrounds every request: its id, its time, its metrics and its line in the log. Plain ASGI."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.metrics import Metrics
from app.routes.headers import FirstValues

log = logging.getLogger("app.access")

# An id that is safe in a header, a log and a terminal.
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_ID_BYTES = 16


class RequestContext:
    """Middleware: `X-Request-Id` and `Server-Timing` on every answer, and a count and a time of each.

    Args:
        app: what comes next.
        metrics: is told of each answer.
        is_draining: whether connections should be given up, so that clients find another replica.
        access_log: write a line for each answer.
    """

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, is_draining: Callable[[], bool], access_log: bool
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._is_draining = is_draining
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrived = perf_counter()
        request_id = scope["request_id"] = _request_id(FirstValues(scope).get(b"x-request-id"))
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._completed(message["headers"], request_id, perf_counter() - arrived)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._record(scope, status, perf_counter() - arrived)

    def _completed(
        self, headers: Iterable[tuple[bytes, bytes]], request_id: str, seconds: float
    ) -> list[tuple[bytes, bytes]]:
        """An answer's headers with ours among them, each once: some answers bring theirs."""
        timing = b"total;dur=%.3f" % (seconds * 1e3)
        completed = []
        for header in headers:
            if header[0] == b"server-timing":
                timing = b"%b, %b" % (header[1], timing)
            elif header[0] != b"x-request-id":
                completed.append(header)
        completed += (b"x-request-id", request_id.encode()), (b"server-timing", timing)
        if self._is_draining():
            completed.append((b"connection", b"close"))
        return completed

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        # The route's template, never the raw path: callers choose paths, and each would be a new time series.
        path = getattr(route, "path", "other")
        self._metrics.answered(route=path, status=status, seconds=seconds)
        if self._access_log:
            log.info(
                "%s %s %d",
                scope["method"],
                path,
                status,
                extra={"request_id": scope["request_id"], "seconds": round(seconds, 6), "status": status},
            )


def _request_id(given: str | None) -> str:
    # A random number of a UUID's size, in a quarter of the time that uuid.uuid4 takes.
    return given if given and _SANE_ID.fullmatch(given) else os.urandom(_ID_BYTES).hex()
