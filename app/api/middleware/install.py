"""Installs authentication and CORS. Both are off by default, and then cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app.api import headers
from app.api.error_responses import ErrorResponses
from app.api.middleware.auth import ApiKeyAuth, ApiKeyAuthMiddleware, IsOpen, describe, needs_key

# The CORS middleware handles requests with any of these headers.
CORS_MARKS = (b"origin",)
# Headers that pages may send and read (Access-Control-Allow-Headers and -Expose-Headers).
_ALLOWED_HEADERS = tuple(sorted(name.decode() for name in headers.REQUEST_HEADERS))
_EXPOSED_HEADERS = ("Retry-After", "Server-Timing", "X-Request-Id")


def install(
    app: FastAPI,
    *,
    auth: ApiKeyAuth | None,
    protected: Sequence[str],
    public: Sequence[str],
    is_open: Sequence[IsOpen],
    origins: Sequence[str],
    counted: Sequence[str],
    errors: ErrorResponses,
) -> None:
    """Add authentication and CORS to an app, and describe authentication in its OpenAPI document.

    Args:
        app: with its routes and its OpenAPI document.
        auth: checks keys; None if no key is needed.
        protected: names in `app.api.middleware.auth.PROTECTABLE` of the protected routes.
        public: regular expressions of further paths that need no key.
        is_open: return whether a request needs no key whatever its path.
        origins: whose pages may send requests; `*` for all.
        counted: templates of the paths under which refused requests are counted.
        errors: encode the refusals.
    """
    if auth is not None or protected:
        app.add_middleware(
            ApiKeyAuthMiddleware,
            auth=auth,
            protected=protected,
            public=public,
            is_open=is_open,
            counted=counted,
            errors=errors,
        )
    if auth is not None:
        app.openapi = partial(_with_security, app.openapi, needs_key(protected, public))  # type: ignore[method-assign]
    if origins:  # outside of authentication: preflight requests have no key
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=_ALLOWED_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )


def _with_security(
    generate: Callable[[], dict[str, Any]], needs_a_key: Callable[[str], bool]
) -> dict[str, Any]:
    document = generate()
    describe(document, needs_a_key)
    return document
