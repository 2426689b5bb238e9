"""Request headers, and the headers of every response.

Two modules add the latter themselves: `app/http/connection_errors.py`, which has no request, and
`app/api/error_responses.py` for unexpected errors, whose responses pass no middleware.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Header = tuple[bytes, bytes]

# Request headers that the API reads.
ACCEPT = b"accept"
AUTHORIZATION = b"authorization"
API_KEY = b"x-api-key"
CONTENT_ENCODING = b"content-encoding"
CONTENT_LENGTH = b"content-length"
CONTENT_TYPE = b"content-type"
REQUEST_ID = b"x-request-id"
REQUEST_TIMEOUT = b"x-request-timeout"
TRACEPARENT = b"traceparent"
TRACESTATE = b"tracestate"
# Without Content-Length, which HTTP clients set themselves: those that pages of other origins may send.
REQUEST_HEADERS = frozenset(
    (
        *(ACCEPT, AUTHORIZATION, API_KEY, CONTENT_ENCODING, CONTENT_TYPE),
        *(REQUEST_ID, REQUEST_TIMEOUT, TRACEPARENT, TRACESTATE),
    )
)

SERVER_TIMING = b"server-timing"
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_NO_STORE = (b"cache-control", b"no-store")
# Browsers must not guess the content type and must not cache the response.
SECURITY_HEADERS = (_NOSNIFF, _NO_STORE)
# Default policy of HTML pages: load nothing, and do not allow frames.
_PAGE = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_OWN = frozenset((REQUEST_ID, SERVER_TIMING))

# OpenAPI descriptions of the headers of every response. Server-Timing is not required: an unexpected error is
# answered outside of the middleware that measures time.
COMMON_HEADERS: dict[str, Any] = {
    "X-Request-Id": {
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:/+=@-]{1,128}$"},
        "description": "The request's own X-Request-Id if it is valid, else a new one.",
    },
    "Server-Timing": {
        "schema": {"type": "string"},
        "description": "Milliseconds in total and, for predictions, of each step.",
    },
}
# OpenAPI description of the additional header of responses that clients should retry.
RETRY_HEADERS: dict[str, Any] = {
    "Retry-After": {
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "description": "Seconds to wait before the retry.",
    },
}


class RequestHead:
    """Headers, query and path parameters of a request.

    Of a header that comes more than once `get` has the first value, as Starlette has it. For a header that is
    a list, `joined` has all of its lines. For one that is a single value, `conflicts` tells whether several
    different values were sent: a proxy in front may have used another one than the first.

    Args:
        fields: names of headers in lower case, and values, as they came.
        query: without the question mark.
        parameters: of the path, by their names in the route's template.

    Attributes:
        fields: as given.
        query: as given.
        parameters: as given; set when the route is known.
    """

    __slots__ = ("_first", "_has_repeats", "fields", "parameters", "query")

    def __init__(
        self, fields: Sequence[Header], query: bytes = b"", parameters: Mapping[str, str] | None = None
    ) -> None:
        self.fields = fields
        self.query = query
        self.parameters: Mapping[str, str] = {} if parameters is None else parameters
        self._first: dict[bytes, bytes] = dict(reversed(fields))
        self._has_repeats = len(self._first) != len(fields)

    def has_any(self, names: frozenset[bytes]) -> bool:
        """Whether there is a header of any of these names, in lower case."""
        return not names.isdisjoint(self._first)

    def get(self, name: bytes) -> str | None:
        """The value of a header, its name in lower case; None if there is none."""
        value = self._first.get(name)
        return None if value is None else value.decode("latin-1")

    def joined(self, name: bytes) -> str | None:
        """The value of a list header, all of its lines as one list (RFC 9110, 5.3); None if there is none."""
        if not self._has_repeats:
            return self.get(name)
        values = self._values(name)
        return b", ".join(values).decode("latin-1") if values else None

    def conflicts(self, name: bytes) -> bool:
        """Whether a header comes more than once with different values."""
        return self._has_repeats and len(set(self._values(name))) > 1

    def _values(self, name: bytes) -> list[bytes]:
        return [value for given, value in self.fields if given == name]


def accepts_html(head: RequestHead) -> bool:
    """Whether a request comes from a browser that opens a page: one that names HTML in `Accept`."""
    return "text/html" in (head.joined(ACCEPT) or "").lower()


def complete(headers: Iterable[Header], *, request_id: str, seconds: float) -> list[Header]:
    """Complete headers of a response, on both paths: its own, and those of every response.

    A response keeps those that it sets itself; its timing goes before the total. A response with an `ETag`
    may be cached: the scripts of the documentation.

    Args:
        headers: names in lower case.
        request_id: the request's.
        seconds: since the request arrived.
    """
    given = dict(headers)
    completed = [header for header in headers if header[0] not in _OWN]
    if _NOSNIFF[0] not in given:
        completed.append(_NOSNIFF)
    if _NO_STORE[0] not in given and b"etag" not in given:
        completed.append(_NO_STORE)
    if given.get(b"content-type", b"").startswith(b"text/html"):
        completed += (header for header in _PAGE if header[0] not in given)
    timing = b"total;dur=%.3f" % (seconds * 1e3)
    if SERVER_TIMING in given:
        timing = b"%b, %b" % (given[SERVER_TIMING], timing)
    completed += (REQUEST_ID, request_id.encode()), (SERVER_TIMING, timing)
    return completed


def lines(headers: Iterable[Header]) -> bytes:
    """Headers in the form of HTTP/1.1."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
