"""The headers of requests, read once, and of answers: which ones every answer has.

What is answered outside of any request adds them itself: `app/http/connection_errors.py`, and errors that
nobody expected, which the framework answers outside of its middleware (`app/api/error_responses.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Header = tuple[bytes, bytes]

# Those of requests that are read here; HTTP itself has others.
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
# All of these but the one that HTTP clients set by themselves: pages of other origins may send them.
REQUEST_HEADERS = frozenset(
    (
        *(ACCEPT, AUTHORIZATION, API_KEY, CONTENT_ENCODING, CONTENT_TYPE),
        *(REQUEST_ID, REQUEST_TIMEOUT, TRACEPARENT, TRACESTATE),
    )
)

SERVER_TIMING = b"server-timing"
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_NO_STORE = (b"cache-control", b"no-store")
# Headers that have browsers take an answer for no more than it is, and keep none of it.
SECURITY_HEADERS = (_NOSNIFF, _NO_STORE)
# A page may do nothing and be shown in no other, unless its route says what it needs.
_PAGE = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_OWN = frozenset((REQUEST_ID, SERVER_TIMING))

# What the OpenAPI document says of the headers of every answer. An error that nobody expected is answered
# outside of what measures time.
COMMON_HEADERS: dict[str, Any] = {
    "X-Request-Id": {
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:/+=@-]{1,128}$"},
        "description": "The caller's own if it sent a sane one, else a new one.",
    },
    "Server-Timing": {
        "schema": {"type": "string"},
        "description": "Milliseconds: in all and, of an answer of the model, where they went.",
    },
}
# And of the answers that are worth another try.
RETRY_HEADERS: dict[str, Any] = {
    "Retry-After": {
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "description": "Seconds after which to try again.",
    },
}


class RequestHead:
    """What stands before a request's body, as far as an answer depends on it.

    Of a header that comes more than once `get` has the first value, as Starlette has it. For a header that is
    a list, `joined` has all of its lines. For one that is a single value, `conflicts` tells whether several
    were sent: a proxy in front may have used another one than the first.

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


def complete(headers: Iterable[Header], *, request_id: str, seconds: float) -> list[Header]:
    """The headers of an answer as they are sent, on whichever path: its own, and those that every answer has.

    An answer may bring some of the latter itself: it keeps them, and its timing goes before the total. What
    brings an `ETag` is made to be kept and asked for again: the documentation's scripts.

    Args:
        headers: names in lower case.
        request_id: the request's.
        seconds: since the request came.
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
    """Headers as they are written."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
