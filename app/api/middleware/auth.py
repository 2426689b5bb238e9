"""Who may come in: callers with an API key, if keys are asked for, and all others where the door is open.

A request is judged by its path and its headers, before a byte of its body is read. Whatever is not named here
as open needs a key, so that a new route is not forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import known_paths, problems
from app.api.error_responses import ErrorResponses, as_response
from app.api.headers import API_KEY, AUTHORIZATION, RequestHead
from app.api.middleware.api_keys import KeyFile
from app.api.routes import docs
from app.errors import Unauthorized

# Patterns of paths. Orchestrators and balancers have no keys, and whoever is refused may learn why.
_PUBLIC_PATHS = r"/livez|/readyz|/startupz|/problems/.*"
# What is open unless it is protected, by the name that closes it.
PROTECTABLE: Mapping[str, str] = {
    "metrics": r"/metrics",
    "docs": rf"{docs.DOCS}|{docs.FILES}/.*",
    "openapi.json": r"/openapi\.json",
    "/": r"/",
}
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Your API key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same."},
}


class ApiKeyAuth:
    """Knows callers by their API keys.

    Args:
        keys: that let in.
        on_refused: called for each request without one of them.
    """

    def __init__(self, keys: KeyFile, on_refused: Callable[[], None]) -> None:
        self._keys = keys
        self._on_refused = on_refused

    def authenticate(self, headers: RequestHead) -> str:
        """The name of the key in a request's headers.

        Raises:
            Unauthorized: there is none, or it is not known, or there are several; which of them is not told.
        """
        # X-API-Key is meant for nobody but us, where Authorization may be for a gateway.
        header = AUTHORIZATION if headers.get(API_KEY) is None else API_KEY
        key = headers.get(header) or ""
        if header == AUTHORIZATION:
            scheme, _, key = key.partition(" ")
            if scheme.lower() != "bearer":
                key = ""
        # A proxy may add a key to its caller's: it is not for the caller to choose which of them counts.
        is_one = key and not headers.conflicts(header)
        name = self._keys.name_of(key.strip().encode("latin-1")) if is_one else None
        if name is None:
            self._on_refused()
            raise Unauthorized("send one valid API key: Authorization: Bearer KEY, or X-API-Key: KEY")
        return name


class ApiKeyAuthMiddleware:
    """Middleware that lets in who may come in. Plain ASGI, with `RequestContext` around it.

    Args:
        app: what comes next.
        auth: knows those who have a key. Without one all come in, and what is protected is not there.
        protected: names in `PROTECTABLE` of what is not open to all.
        counted: templates of paths under which those who are turned away from them are counted.
        errors: tell why.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        auth: ApiKeyAuth | None,
        protected: Iterable[str],
        counted: Iterable[str],
        errors: ErrorResponses,
    ) -> None:
        self._app = app
        self._errors = errors
        self._auth = auth
        self._needs_key = needs_key(protected)
        self._is_protected = _matcher(PROTECTABLE[name] for name in protected)
        self._counted = [(compile_path(template)[0], _Guarded(template)) for template in counted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with a refusal."""
        if scope["type"] == "http":
            try:
                self._check(scope)
            except (Unauthorized, HTTPException) as error:
                await as_response(self._errors.for_scope(scope, error, may_hint=False))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        path = scope["path"]
        if self._auth is None:
            if self._is_protected(known_paths.normalized(path)):  # nothing hints at what is not there
                raise HTTPException(404)
        elif self._needs_key(path):
            # The route that it would have got; the one that it does get takes its place.
            if route := next((route for regex, route in self._counted if regex.fullmatch(path)), None):
                scope["route"] = route
            scope["record"].client = self._auth.authenticate(scope["head"])


class _Guarded(NamedTuple):
    """A route as far as it is needed to count a request by."""

    path: str


def needs_key(protected: Iterable[str]) -> Callable[[str], bool]:
    """Tells of a path whether it needs a key where there are keys.

    Args:
        protected: names in `PROTECTABLE` of what else does.
    """
    protected_names = frozenset(protected)
    is_open = _matcher(
        [_PUBLIC_PATHS, *(pattern for name, pattern in PROTECTABLE.items() if name not in protected_names)]
    )
    return lambda path: not is_open(path)


def describe(document: dict[str, Any], protected: Iterable[str]) -> None:
    """Tell in an OpenAPI document which operations need a key, and what they answer without one."""
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    refusal = {str(status): told for status, told in problems.responses(Unauthorized).items()}
    is_guarded = needs_key(protected)
    for path, operations in document["paths"].items():
        if is_guarded(path):
            for operation in operations.values():
                operation["security"] = [{name: []} for name in _SCHEMES]
                operation["responses"].update(refusal)


def _matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    together = re.compile("|".join(patterns) or r"(?!)", re.DOTALL)
    return lambda path: together.fullmatch(path) is not None
