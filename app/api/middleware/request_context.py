"""What surrounds every request: its id, its time, its metrics and its line in the log."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.headers import REQUEST_ID, FirstValues
from app.api.middleware import traced
from app.api.predict import Asked
from app.api.security import secured
from app.telemetry.metrics import OTHER, Metrics

if TYPE_CHECKING:
    from app.telemetry.tracing.traces import Traces

log = logging.getLogger("app.access")

# An id that is safe in a header, a log and a terminal.
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_ID_BYTES = 16

Headers = list[tuple[bytes, bytes]]


class Surroundings:
    """What every request gets: its id, the rest of its answer's headers, its count, its trace and its line.

    Args:
        metrics: is told of each answer.
        is_draining: whether connections should be given up, so that clients find another replica.
        access_log: write a line for each answer.
        traces: are told of each request; None if there are none.
        root_path: path under which a proxy serves the app; empty without one.

    Attributes:
        is_draining: as given.
        root_path: as given; in a request's scope it is `url_prefix`, for what tells a caller of other paths.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        is_draining: Callable[[], bool],
        access_log: bool,
        traces: Traces | None = None,
        root_path: str = "",
    ) -> None:
        self._metrics = metrics
        self.is_draining = is_draining
        self.root_path = root_path
        self._access_log = access_log
        self._traces = traces

    def request_id(self, headers: FirstValues) -> str:
        """The caller's own if it sent a sane one and no other, else a new one."""
        given = None if headers.conflicts(REQUEST_ID) else headers.get(REQUEST_ID)
        return given if given and _SANE_ID.fullmatch(given) else new_request_id()

    def completed(
        self, headers: Iterable[tuple[bytes, bytes]], *, request_id: str, seconds: float
    ) -> Headers:
        """An answer's headers with ours among them, each once: some answers bring theirs."""
        timing = b"total;dur=%.3f" % (seconds * 1e3)
        completed = []
        for header in headers:
            if header[0] == b"server-timing":
                timing = b"%b, %b" % (header[1], timing)
            elif header[0] != b"x-request-id":
                completed.append(header)
        completed += (b"x-request-id", request_id.encode()), (b"server-timing", timing)
        return completed

    def record(
        self, scope: Scope, method: str, path: str, *, status: int, arrived: float, asked: Asked | None = None
    ) -> None:
        """Count an answer; trace the request and write its line if that is wanted.

        Args:
            scope: of the request. The API key that it came with is named in the line, but is no label of a
                metric: there may be many.
            method: of the request.
            path: the route's template, never the raw path: callers choose paths, and each would be a new time
                series.
            status: of the answer.
            arrived: when the request came, on `perf_counter`.
            asked: what of it waited for the engine, if it came so far.
        """
        seconds = perf_counter() - arrived
        self._metrics.answered(route=path, status=status, seconds=seconds)
        trace_id = None
        if self._traces is not None:
            trace_id = traced.record(
                self._traces, scope, asked, method=method, route=path, status=status, arrived=arrived
            )
        if self._access_log:
            extra = {"request_id": scope["request_id"], "seconds": round(seconds, 6), "status": status}
            if trace_id is not None:
                extra["trace_id"] = trace_id
            if caller := scope.get("caller"):
                extra["caller"] = caller
            log.info("%s %s %d", method, path, status, extra=extra)

    def record_unread(self, status: int, *, request_id: str) -> None:
        """Count an answer to what was no request, and write its line if that is wanted; it took no time."""
        self._metrics.answered_unread(status=status)
        if self._access_log:
            extra = {"request_id": request_id, "status": status}
            log.info("- %s %d", OTHER, status, extra=extra)


def new_request_id() -> str:
    """32 hexadecimal digits: as random as a UUID, in a quarter of the time that uuid.uuid4 takes."""
    return os.urandom(_ID_BYTES).hex()


def as_routed(scope: Scope) -> Scope:
    """The scope of a request as routes get it, a copy where it differs.

    HEAD is a GET whose body the server leaves out, and has no ranges (RFC 9110, 9.3.2 and 14.2). A proxy may
    leave its own prefix in the path.
    """
    changed: dict[str, Any] = {}
    if scope["method"] == "HEAD":
        changed["method"] = "GET"
        changed["headers"] = [header for header in scope["headers"] if header[0] != b"range"]
    prefix, path = scope["url_prefix"], scope["path"]
    if prefix and f"{path}/".startswith(f"{prefix}/"):
        changed["path"] = path.removeprefix(prefix) or "/"
    return {**scope, **changed} if changed else scope


class RequestContext:
    """Middleware that surrounds a request. Plain ASGI.

    Args:
        app: what comes next.
        surroundings: what it is surrounded with.
    """

    def __init__(self, app: ASGIApp, *, surroundings: Surroundings) -> None:
        self._app = app
        self._surroundings = surroundings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrived = perf_counter()
        around = self._surroundings
        request_id = scope["request_id"] = around.request_id(FirstValues(scope))
        scope["url_prefix"] = around.root_path
        routed = as_routed(scope)
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = around.completed(
                    secured(message["headers"]), request_id=request_id, seconds=perf_counter() - arrived
                )
            await send(message)

        try:
            await self._app(routed, receive, send_with_headers)
        finally:
            route: Any = routed.get("route")
            path = getattr(route, "path", OTHER)
            # Not left in the scope, which a connection keeps: it holds the request's series.
            asked = routed.pop("asked", None)
            around.record(routed, scope["method"], path, status=status, arrived=arrived, asked=asked)
