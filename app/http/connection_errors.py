"""What is said at the end of a connection on which there is no request to answer: problem documents.

Each is made once, but for the id that a caller can be asked for; many may be told the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.api import problems
from app.api.headers import SECURITY_HEADERS
from app.api.problem_kinds import CONNECTION
from app.api.recorder import new_request_id
from app.http.head import (
    HEAD_BYTES,
    HEAD_TOO_LARGE,
    HEADERS,
    NOT_HTTP,
    OTHER_VERSION,
    TARGET_BYTES,
    TARGET_TOO_LONG,
    UNKNOWN_CODING,
)

NO_ROOM = 503

_DETAILS = {
    NOT_HTTP: "what came is no HTTP/1.1 request",
    TARGET_TOO_LONG: f"the address is longer than {TARGET_BYTES} bytes",
    HEAD_TOO_LARGE: f"the head is larger than {HEAD_BYTES} bytes, or has more than {HEADERS} headers",
    UNKNOWN_CODING: "a Transfer-Encoding other than chunked is not read",
    OTHER_VERSION: "the request line ends with neither HTTP/1.1 nor HTTP/1.0",
    NO_ROOM: "connection limit reached (MAX_CONNECTIONS); try again in 1 s",
}
_MOST_REASONS = 64  # the parser's are fewer


def write(
    status: int,
    reason: str = "",
    *,
    request_id: str,
    headers: Iterable[tuple[bytes, bytes]] = (),
    root_path: str = "",
) -> bytes:
    """A whole answer, to be followed by the end of the connection.

    Args:
        status: that is in `problem_kinds.CONNECTION`.
        reason: more about it.
        request_id: as `new_request_id` makes them.
        headers: that the server sends with every answer.
        root_path: path under which a proxy serves the app; empty without one.
    """
    before, after = _parts(status, reason, root_path)
    own = request_id.encode()
    lines = b"".join(b"%b: %b\r\n" % header for header in (*headers, (b"x-request-id", own)))
    return b"%b%b%b%b%b" % (STATUS_LINE[status], lines, before, own, after)


@lru_cache(maxsize=_MOST_REASONS)
def _parts(status: int, reason: str, root_path: str) -> tuple[bytes, bytes]:
    """What stands before the id, from the headers on that are always the same, and what after it."""
    kind, someone = CONNECTION[status], "0" * len(new_request_id())
    detail = f"{_DETAILS[status]}: {reason}" if reason else _DETAILS[status]
    info = problems.ErrorInfo(kind, detail)
    content = problems.document(info, request_id=someone, root_path=root_path)
    fixed = [
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(content)),
        *SECURITY_HEADERS,
        (b"connection", b"close"),
    ]
    if status == NO_ROOM:
        fixed.append((b"retry-after", b"1"))
    before, _, after = content.partition(someone.encode())
    return b"".join(b"%b: %b\r\n" % header for header in fixed) + b"\r\n" + before, after
