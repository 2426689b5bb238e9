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
_ASKED = tuple(sorted(name.decode() for name in headers.FROM_CALLERS))
_TOLD = ("Retry-After", "Server-Timing", "X-Request-Id")


def install(
    app: FastAPI,
    *,
    doorkeeper: ApiKeyAuth | None,
    closed: Sequence[str],
    origins: Sequence[str],
    counted: Sequence[str],
    errors: ErrorResponses,
) -> None:
    """Put before an app's routes what is wanted, and tell of it in the app's OpenAPI document.

    Args:
        app: that has its routes and makes its document.
        doorkeeper: lets in who has a key; None if none is needed.
        closed: names in `app.api.middleware.auth.CLOSABLE` of the routes that are not open to all.
        origins: whose pages may ask; `*` for all.
        counted: paths under which those who are turned away from them are counted.
        errors: tell why somebody is turned away.
    """
    if doorkeeper is not None or closed:
        app.add_middleware(
            ApiKeyAuthMiddleware, doorkeeper=doorkeeper, closed=closed, counted=counted, errors=errors
        )
    if doorkeeper is not None:
        app.openapi = partial(_described, app.openapi, closed)  # type: ignore[method-assign]
    if origins:  # before the door: browsers ask without a key whether they may ask with one
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=_ASKED,
            expose_headers=_TOLD,
        )


def _described(generate: Callable[[], dict[str, Any]], closed: Sequence[str]) -> dict[str, Any]:
    document = generate()
    describe(document, closed)
    return document
