"""The way past the framework for the one request that comes thousands of times a second.

Finding a route, solving its dependencies and catching its errors cost FastAPI as much as everything that this
server does itself. A request that is exactly the shortcut's goes straight to its handler; the same handler
stands behind the documented route, and errors are the same documents. Plain ASGI.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import AppError
from app.routes import problems

Handler = Callable[[Scope, Receive], Awaitable[Response]]


class Shortcut:
    """Middleware: one method of one path is answered here, all else by what comes next.

    Args:
        app: what comes next.
        method: in capitals.
        path: without a query.
        handler: gives the answer or raises an `AppError`.
    """

    def __init__(self, app: ASGIApp, *, method: str, path: str, handler: Handler) -> None:
        self._app = app
        self._method = method
        self._handler = handler
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http" or scope["path"] != self.path or scope["method"] != self._method:
            await self._app(scope, receive, send)
            return
        scope["route"] = self  # as the router does: requests are counted by their route's path
        try:
            response = await self._handler(scope, receive)
        except AppError as error:
            response = problems.answer(Request(scope), error)
        await response(scope, receive, send)
