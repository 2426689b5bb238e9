"""Authentication by API key.

It needs the path and the headers of a request, and runs before its body is read. Every path that is not
listed here as public needs a key, so new routes are protected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api import known_paths, problems
from app.api.error_responses import ErrorResponses, as_response
from app.api.headers import API_KEY, AUTHORIZATION, RequestHead
from app.api.middleware.api_keys import KeyFile
from app.api.recorder import RouteTemplate
from app.api.routes import docs, page
from app.errors import Unauthorized

# Whether a request of a method, a path and a head needs no key.
IsOpen = Callable[[str, str, RequestHead], bool]

# Patterns of paths without authentication: probes, and the documents that explain errors.
_PUBLIC_PATHS = r"/livez|/readyz|/startupz|/problems/.*"
# Routes that are public unless a setting protects them, by their names in that setting.
PROTECTABLE: Mapping[str, str] = {
    "metrics": r"/metrics",
    "docs": rf"{docs.DOCS}|{docs.FILES}/.*",
    "openapi.json": r"/openapi\.json",
    "/": rf"/|{page.PUBLIC}",
}
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Your API key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "Your API key."},
}


class ApiKeyAuth:
    """Authenticates requests by their API keys.

    Args:
        keys: the valid keys.
        on_refused: called for each request without a valid key.
    """

    def __init__(self, keys: KeyFile, on_refused: Callable[[], None]) -> None:
        self._keys = keys
        self._on_refused = on_refused

    def authenticate(self, headers: RequestHead) -> str:
        """The name of the key in a request's headers.

        Raises:
            Unauthorized: no key, an unknown key, or several; the message is the same for all.
        """
        # X-API-Key comes first: Authorization may be for a gateway.
        header = AUTHORIZATION if headers.get(API_KEY) is None else API_KEY
        key = headers.get(header) or ""
        if header == AUTHORIZATION:
            scheme, _, key = key.partition(" ")
            if scheme.lower() != "bearer":
                key = ""
        # A proxy may add its own key: a client must not choose which of the two counts.
        is_one = key and not headers.conflicts(header)
        name = self._keys.name_of(key.strip().encode("latin-1")) if is_one else None
        if name is None:
            self._on_refused()
            raise Unauthorized("send one valid API key: Authorization: Bearer KEY, or X-API-Key: KEY")
        return name


class ApiKeyAuthMiddleware:
    """Middleware that refuses requests without a valid API key. Plain ASGI, inside `RequestContext`.

    Args:
        app: the inner app.
        auth: checks keys. Without it all requests pass, and protected routes are 404.
        protected: names in `PROTECTABLE` of the protected routes.
        public: regular expressions of further paths that need no key.
        is_open: return whether a request needs no key whatever its path.
        counted: templates of the paths under which refused requests are counted.
        errors: encode the refusals.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        auth: ApiKeyAuth | None,
        protected: Iterable[str],
        public: Iterable[str],
        is_open: Sequence[IsOpen],
        counted: Iterable[str],
        errors: ErrorResponses,
    ) -> None:
        self._app = app
        self._errors = errors
        self._auth = auth
        self._needs_key = needs_key(protected, public)
        self._is_open = is_open
        self._is_protected = _matcher(PROTECTABLE[name] for name in protected)
        self._counted = [(compile_path(template)[0], RouteTemplate(template)) for template in counted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            try:
                self._check(scope)
            except (Unauthorized, HTTPException) as error:
                await as_response(self._errors.for_scope(scope, error, may_hint=False))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        path = scope["path"]
        if any(is_open(scope["method"], path, scope["head"]) for is_open in self._is_open):
            return
        if self._auth is None:
            if self._is_protected(known_paths.normalized(path)):  # 404, as for a route that does not exist
                raise HTTPException(404)
        elif self._needs_key(path):
            # For the metrics: a refused request does not reach its route.
            if route := next((route for regex, route in self._counted if regex.fullmatch(path)), None):
                scope["route"] = route
            scope["record"].client = self._auth.authenticate(scope["head"])


def needs_key(protected: Iterable[str], public: Iterable[str] = ()) -> Callable[[str], bool]:
    """A function that returns whether a path needs a key.

    Args:
        protected: names in `PROTECTABLE` of the routes that need one, too.
        public: regular expressions of further paths that need none.
    """
    protected_names = frozenset(protected)
    is_open = _matcher(
        [
            _PUBLIC_PATHS,
            *public,
            *(pattern for name, pattern in PROTECTABLE.items() if name not in protected_names),
        ]
    )
    return lambda path: not is_open(path)


def describe(document: dict[str, Any], is_guarded: Callable[[str], bool]) -> None:
    """Add to an OpenAPI document which operations need a key, and their response without one.

    Args:
        document: of the app.
        is_guarded: returns whether a path needs a key.
    """
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    refusal = {str(status): response for status, response in problems.responses(Unauthorized).items()}
    for path, operations in document["paths"].items():
        if is_guarded(path):
            for operation in operations.values():
                operation["security"] = [{name: []} for name in _SCHEMES]
                operation["responses"].update(refusal)


def _matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    together = re.compile("|".join(patterns) or r"(?!)", re.DOTALL)
    return lambda path: together.fullmatch(path) is not None
