"""The way past the framework for the one request that comes thousands of times a second.

Making a task of a request, passing it through layers of middleware, finding its route and sending its
answer as messages cost several times what this server does itself. Here a request is a few plain calls: its
head has come, its body has come, its answer is there. The steps are those of `app.api.predict`, which the
documented route takes too, and errors are the same documents.

This says which requests go that way; `app/http/exchange.py` has the calls, and `app/http/protocol.py` brings
the bytes and takes them.
"""

from __future__ import annotations

from typing import NamedTuple

from fastapi import Request
from starlette.types import Scope

from app.api import problems
from app.api.headers import FirstValues
from app.api.middleware.auth import Doorkeeper
from app.api.middleware.request_context import Headers, Surroundings
from app.api.predict import Predict
from app.errors import AppError

# With any of these the framework's way is taken: rare, and nothing that is worth saying twice.
_UNUSUAL = (b"transfer-encoding", b"content-encoding", b"expect", b"upgrade")
# What every answer has, and each its own.
_OWN = frozenset((b"content-length", b"x-request-id"))
# Stands for a request's id in a document that many get, each with its own. No caller sends one like it.
_SOMEONE = "<request id>"


class Refused(NamedTuple):
    """An answer but for the request's id, which stands between two parts of the content.

    Attributes:
        status: of the answer.
        head: lines of headers that are the same in all.
        before: of the content, what comes before the id.
        after: and what after it.
        fault: what it is called in traces.
    """

    status: int
    head: bytes
    before: bytes
    after: bytes
    fault: str


class Direct:
    """Takes the requests that are plain enough.

    Args:
        predict: the steps of an answer.
        surroundings: of every request.
        method: in capitals.
        path: without a query.
        doorkeeper: lets in who has a key; None if none is needed.
        unusual: names of headers, besides those that are known here, that take a request the framework's way.
    """

    def __init__(
        self,
        predict: Predict,
        surroundings: Surroundings,
        *,
        method: str,
        path: str,
        doorkeeper: Doorkeeper | None = None,
        unusual: tuple[bytes, ...] = (),
    ) -> None:
        self.predict = predict
        self.surroundings = surroundings
        self.doorkeeper = doorkeeper
        self.method, self.path = method, path
        self._line = method.encode(), path.encode()
        self._unusual = frozenset((*_UNUSUAL, *unusual))
        self._refusal: tuple[AppError, Refused] | None = None

    def takes(self, method: bytes, target: bytes, headers: FirstValues) -> bool:
        """Whether a request is plain: this method and target, with a body whose length is told."""
        return (
            (method, target) == self._line
            and headers.get(b"content-length") is not None
            and not headers.has_any(self._unusual)
        )

    def refused(self, scope: Scope, error: AppError) -> Refused:
        """The document of an error, made once for all who are told the very same one.

        Making it takes longer than everything else that is done for a request that is refused.
        """
        if self._refusal is None or self._refusal[0] is not error:
            request = Request({**scope, "request_id": _SOMEONE})
            response = problems.answer(request, error)
            before, _, after = bytes(response.body).partition(_SOMEONE.encode())
            fault = request.scope["fault"]
            refused = Refused(response.status_code, lines(response.raw_headers), before, after, fault)
            self._refusal = error, refused
        return self._refusal[1]


def lines(headers: Headers) -> bytes:
    """Headers as they are written, without those that every exchange has of its own."""
    return b"".join(b"%b: %b\r\n" % header for header in headers if header[0] not in _OWN)
