"""The way past the framework for the one request that comes thousands of times a second.

Making a task of a request, passing it through layers of middleware, finding its route and sending its answer
as messages cost several times what this server does itself. Here a request is a few plain calls: its head
has come, its body has come, its answer is there. The steps are those of `PredictCall`, which the documented
routes take, too; headers, errors and records are made by the same functions.

`FastRoute` says which requests go this way; `app/http/fast_request.py` is one of them, and
`app/http/connection.py` brings the bytes and takes them.
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

# With any of these the framework's way is taken: rare, and nothing that is worth saying twice.
_SLOW_PATH_HEADERS = (b"transfer-encoding", b"content-encoding", b"expect", b"upgrade")


class Match(NamedTuple):
    """A path that takes the fast path.

    Attributes:
        dialect: that it belongs to.
        template: of the path.
        path: as it was asked for.
        parameters: of the path, by their names in the template.
    """

    dialect: Dialect
    template: str
    path: str
    parameters: Mapping[str, str]


class FastRoute:
    """Takes the requests that are plain enough.

    Args:
        predictor: what all predictions share.
        dialects: whose paths are taken.
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
        self._with_parameters: list[tuple[re.Pattern[str], Dialect, str]] = []
        for dialect in dialects:
            for template in dialect.routes:
                if "{" in template:
                    self._with_parameters.append((compile_path(template)[0], dialect, template))
                else:
                    self._fixed.setdefault(template.encode(), Match(dialect, template, template, {}))

    def match(self, method: bytes, target: bytes, head: RequestHead) -> Match | None:
        """Whose request it is, if it is plain: a POST without a query, with a body whose length is told."""
        if method != b"POST" or head.get(b"content-length") is None or head.has_any(self._slow_path_headers):
            return None
        return self._fixed.get(target) or (self._matched(target) if self._with_parameters else None)

    def _matched(self, target: bytes) -> Match | None:
        path = target.decode("latin-1")
        if "%" in path or "?" in path or "#" in path:
            return None
        for regex, dialect, template in self._with_parameters:
            if found := regex.match(path):
                return Match(dialect, template, path, found.groupdict())
        return None
