"""The metadata of a call as the head of a request, which keys, ids and traces are read from."""

from __future__ import annotations

from collections.abc import Iterable

from app.api.headers import (
    API_KEY,
    AUTHORIZATION,
    REQUEST_ID,
    REQUEST_TIMEOUT,
    TRACEPARENT,
    TRACESTATE,
    Header,
    RequestHead,
)

_READ = {name.decode(): name for name in (API_KEY, AUTHORIZATION, REQUEST_ID, TRACEPARENT, TRACESTATE)}
# More seconds than any timeout of the server.
_ENDLESS = 1e6


def head_of(metadata: Iterable[tuple[str, str | bytes]] | None, *, remaining: float | None) -> RequestHead:
    """The head of a call, with the deadline that its client set as X-Request-Timeout.

    Args:
        metadata: of the call. Only what the server reads is taken.
        remaining: seconds to the client's deadline; None without one.
    """
    fields: list[Header] = []
    for key, value in metadata or ():
        if (name := _READ.get(key)) is not None and isinstance(value, str):
            fields.append((name, value.encode("latin-1", "replace")))
    if remaining is not None and remaining < _ENDLESS:
        # At least a microsecond: a deadline that has just passed is noticed where the call waits.
        fields.append((REQUEST_TIMEOUT, b"%.6f" % max(remaining, 1e-6)))
    return RequestHead(fields)
