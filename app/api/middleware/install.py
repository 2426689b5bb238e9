"""What stands before the routes: who may come in, and which pages of other origins may ask.

Both are off unless an operator wants them, and then cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app.api import headers
from app.api.error_responses import ErrorResponses
from app.api.middleware.auth import ApiKeyAuth, ApiKeyAuthMiddleware, describe

# A request with any of these is one for the middleware here.
CORS_MARKS = (b"origin",)
# What pages may send: all that is read of a request, but for what browsers set by themselves.
_ALLOWED_HEADERS = tuple(sorted(name.decode() for name in headers.REQUEST_HEADERS))
_EXPOSED_HEADERS = ("Retry-After", "Server-Timing", "X-Request-Id")


def install(
    app: FastAPI,
    *,
    auth: ApiKeyAuth | None,
    protected: Sequence[str],
    origins: Sequence[str],
    counted: Sequence[str],
    errors: ErrorResponses,
) -> None:
    """Put before an app's routes what is wanted, and tell of it in the app's OpenAPI document.

    Args:
        app: that has its routes and makes its document.
        auth: lets in who has a key; None if none is needed.
        protected: names in `app.api.middleware.auth.PROTECTABLE` of the routes that are not open to all.
        origins: whose pages may ask; `*` for all.
        counted: paths under which those who are turned away from them are counted.
        errors: tell why somebody is turned away.
    """
    if auth is not None or protected:
        app.add_middleware(
            ApiKeyAuthMiddleware, auth=auth, protected=protected, counted=counted, errors=errors
        )
    if auth is not None:
        app.openapi = partial(_with_security, app.openapi, protected)  # type: ignore[method-assign]
    if origins:  # before the door: browsers ask without a key whether they may ask with one
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=_ALLOWED_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )


def _with_security(generate: Callable[[], dict[str, Any]], protected: Sequence[str]) -> dict[str, Any]:
    document = generate()
    describe(document, protected)
    return document
