"""The fast path: predictions without the framework.

A task per request, layers of middleware, routing and ASGI messages cost several times as much as the server's
own work. On the fast path, a request is a few plain calls: its head has arrived, its body has arrived, its
response is ready. It takes the steps of `PredictCall`, as the documented routes do; the same functions make
headers, errors and records.

`FastRoute` decides which requests take this path; `app/http/fast_request.py` is one of them, and
`app/http/connection.py` reads and writes their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starlette.routing import compile_path

from app.api.dialects import Dialect
from app.api.error_responses import ErrorResponses
from app.api.headers import RequestHead
from app.api.middleware.auth import ApiKeyAuth
from app.api.predict import Predictor
from app.api.recorder import RequestRecorder

# A request with one of these rare headers takes the framework's path, so that they are handled in one place.
_SLOW_PATH_HEADERS = (b"transfer-encoding", b"content-encoding", b"expect", b"upgrade")
# Matches of paths with parameters that are remembered: clients repeat few, and may make up any number.
_MOST_KNOWN = 64


class Match(NamedTuple):
    """A matching path.

    Attributes:
        dialect: of the path.
        template: of the path.
        path: as requested.
        parameters: of the path, by name in the template.
    """

    dialect: Dialect
    template: str
    path: str
    parameters: Mapping[str, str]


class FastRoute:
    """Matches requests that can take the fast path.

    Args:
        predictor: shared by all predictions.
        dialects: protocols whose paths can take the fast path.
        recorder: records each request.
        errors: makes error responses.
        auth: checks API keys; None if none is needed.
        slow_path_headers: more names of headers with which a request takes the framework's path.

    Attributes:
        predictor: as given.
        recorder: as given.
        errors: as given.
        auth: as given.
    """

    def __init__(
        self,
        predictor: Predictor,
        dialects: Sequence[Dialect],
        *,
        recorder: RequestRecorder,
        errors: ErrorResponses,
        auth: ApiKeyAuth | None = None,
        slow_path_headers: Sequence[bytes] = (),
    ) -> None:
        self.predictor = predictor
        self.recorder = recorder
        self.errors = errors
        self.auth = auth
        self._slow_path_headers = frozenset((*_SLOW_PATH_HEADERS, *slow_path_headers))
        self._fixed: dict[bytes, Match] = {}
        self._known: dict[bytes, Match] = {}
        self._with_parameters: list[tuple[re.Pattern[str], Dialect, str]] = []
        # Such a path also matches a template of predictions: V1's `:explain`.
        self._explanations: list[re.Pattern[str]] = []
        for dialect in dialects:
            self._explanations += (compile_path(template)[0] for template in dialect.explain_routes)
            for template in dialect.routes:
                if "{" in template:
                    self._with_parameters.append((compile_path(template)[0], dialect, template))
                else:
                    self._fixed.setdefault(template.encode(), Match(dialect, template, template, {}))

    def match(self, method: bytes, target: bytes, head: RequestHead) -> Match | None:
        """The path of a POST without a query and with a Content-Length; None for any other request."""
        if method != b"POST" or head.get(b"content-length") is None or head.has_any(self._slow_path_headers):
            return None
        return self._fixed.get(target) or self._known.get(target) or self._matched(target)

    def _matched(self, target: bytes) -> Match | None:
        path = target.decode("latin-1")
        if "%" in path or "?" in path or "#" in path:
            return None
        if any(regex.match(path) for regex in self._explanations):
            return None
        for regex, dialect, template in self._with_parameters:
            if found := regex.match(path):
                match = Match(dialect, template, path, found.groupdict())
                if len(self._known) < _MOST_KNOWN:
                    self._known[target] = match
                return match
        return None
