"""The record, the head and the response headers of a request on the framework's path."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import headers
from app.api.dialects import Dialect, has_path
from app.api.recorder import RequestRecorder, request_id_of
from app.telemetry.request_record import OTHER, RequestRecord


class RequestContext:
    """Middleware that records a request and completes its response headers. Plain ASGI.

    The inner app finds in the scope the request's `record`, its `head`, and its `dialect`.

    Args:
        app: the inner app.
        recorder: records each request.
        dialects: the first whose prefix matches is used; the last one matches all paths.
        root_path: path under which a proxy serves the app; empty without one.
    """

    def __init__(
        self, app: ASGIApp, *, recorder: RequestRecorder, dialects: Sequence[Dialect], root_path: str
    ) -> None:
        self._app = app
        self._recorder = recorder
        self._dialects = dialects
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, complete the headers of its response, and record it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrived = perf_counter()
        head = headers.RequestHead(scope["headers"], scope["query_string"])
        record = RequestRecord(
            request_id_of(head), arrived, scope["method"], scope["path"], scope.get("scheme", "http")
        )
        scope["record"], scope["head"] = record, head
        routed = self._routed(scope)
        dialect = next(each for each in self._dialects if has_path(each, routed["path"]))
        scope["dialect"] = routed["dialect"] = dialect
        record.path, record.protocol = routed["path"], dialect.name
        status = 500

        async def send_completed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = headers.complete(
                    message["headers"], request_id=record.request_id, seconds=perf_counter() - arrived
                )
            await send(message)

        try:
            await self._app(routed, receive, send_completed)
        finally:
            route: Any = routed.get("route")
            record.route = getattr(route, "path", OTHER)
            # Not left in the scope, which a connection keeps: it holds the request's series.
            self._recorder.record(record, head, status=status, call=routed.pop("call", None))

    def _routed(self, scope: Scope) -> Scope:
        """The scope of a request as routes get it, a copy where it differs.

        HEAD is a GET whose body the server leaves out, and has no ranges (RFC 9110, 9.3.2 and 14.2). A proxy
        may leave its own prefix in the path.
        """
        changed: dict[str, Any] = {}
        if scope["method"] == "HEAD":
            changed["method"] = "GET"
            changed["headers"] = [header for header in scope["headers"] if header[0] != b"range"]
        prefix, path = self._root_path, scope["path"]
        if prefix and f"{path}/".startswith(f"{prefix}/"):
            changed["path"] = path.removeprefix(prefix) or "/"
        return {**scope, **changed} if changed else scope
