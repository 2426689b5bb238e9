"""What surrounds every request: its id, its time, its metrics and its line in the log. Plain ASGI."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from time import perf_counter
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.metrics import Metrics

log = logging.getLogger("app.access")

# An id that is safe in a header, a log and a terminal.
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


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
        request_id = scope["request_id"] = _request_id(scope)
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                total = f"total;dur={(perf_counter() - arrived) * 1000:.3f}"
                headers["Server-Timing"] = ", ".join(filter(None, (headers.get("Server-Timing"), total)))
                if self._is_draining():
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._record(scope, status, perf_counter() - arrived)

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


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id")
    return given if given and _SANE_ID.fullmatch(given) else uuid.uuid4().hex
