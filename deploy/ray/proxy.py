"""What Ray Serve's proxies run around each request: `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`.

When a replica dies, its proxy gives up the requests that the replica had and sends no response; uvicorn then
sends 500 in its place. Predictions have no side effects, so such a request can be sent again: 503 says so,
and clients and balancers that retry do it. A proxy without this variable works, and its clients see 500.
"""

from __future__ import annotations

import json

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

RETRY_SECONDS = 1
DETAIL = "the replica ended before it had answered; send the request again"


def middlewares() -> list[Middleware]:
    """The middleware of a proxy; Ray Serve calls this once in each."""
    return [Middleware(ReplicaLost)]


class ReplicaLost:
    """Answers 503 where the inner app ends without a response, and sends each header once.

    The proxy adds the X-Request-ID that the replica has answered with already.

    Args:
        app: the proxy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        has_started = False

        async def send_noted(message: Message) -> None:
            nonlocal has_started
            has_started = True
            if message["type"] == "http.response.start":
                message["headers"] = list(dict.fromkeys((name, value) for name, value in message["headers"]))
            await send(message)

        await self._app(scope, receive, send_noted)
        if scope["type"] == "http" and not has_started:
            await _send_problem(scope, send)


async def _send_problem(scope: Scope, send: Send) -> None:
    request_id = Headers(scope=scope).get("x-request-id", "")  # the proxy has added it to the scope
    problem = {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": DETAIL,
        "request_id": request_id,
    }
    body = json.dumps(problem).encode()
    headers = {
        "content-type": "application/problem+json",
        "content-length": str(len(body)),
        "retry-after": str(RETRY_SECONDS),
        "x-request-id": request_id,
    }
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items() if value]
    await send({"type": "http.response.start", "status": 503, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
