"""Error responses on connections without a valid request: problem documents, after which the connection ends.

Each document is made once, except for its request id, because many clients may get the same one.
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
    MAX_HEADERS,
    NOT_HTTP,
    OTHER_VERSION,
    TARGET_BYTES,
    TARGET_TOO_LONG,
    UNKNOWN_CODING,
)

TOO_MANY_CONNECTIONS = 503

_DETAILS = {
    NOT_HTTP: "not an HTTP/1.1 request",
    TARGET_TOO_LONG: f"the address is longer than {TARGET_BYTES} bytes",
    HEAD_TOO_LARGE: f"the head is larger than {HEAD_BYTES} bytes, or has more than {MAX_HEADERS} headers",
    UNKNOWN_CODING: "the only supported Transfer-Encoding is chunked",
    OTHER_VERSION: "the request line must end with HTTP/1.1 or HTTP/1.0",
    TOO_MANY_CONNECTIONS: "connection limit reached (MAX_CONNECTIONS); try again in 1 s",
}
_MAX_REASONS = 64  # the parser has fewer


def error_response(
    status: int,
    reason: str = "",
    *,
    request_id: str,
    headers: Iterable[tuple[bytes, bytes]] = (),
    root_path: str = "",
) -> bytes:
    """A complete response with `Connection: close`.

    Args:
        status: one of `problem_kinds.CONNECTION`.
        reason: details.
        request_id: from `new_request_id`.
        headers: that the server sends with every response.
        root_path: path prefix under which a proxy serves the app; may be empty.
    """
    before, after = _parts(status, reason, root_path)
    request_id_bytes = request_id.encode()
    lines = b"".join(b"%b: %b\r\n" % header for header in (*headers, (b"x-request-id", request_id_bytes)))
    return b"%b%b%b%b%b" % (STATUS_LINE[status], lines, before, request_id_bytes, after)


@lru_cache(maxsize=_MAX_REASONS)
def _parts(status: int, reason: str, root_path: str) -> tuple[bytes, bytes]:
    """The bytes before the request id, from the first constant header, and those after it."""
    kind, placeholder = CONNECTION[status], "0" * len(new_request_id())
    detail = f"{_DETAILS[status]}: {reason}" if reason else _DETAILS[status]
    info = problems.ErrorInfo(kind, detail)
    content = problems.document(info, request_id=placeholder, root_path=root_path)
    fixed = [
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(content)),
        *SECURITY_HEADERS,
        (b"connection", b"close"),
    ]
    if status == TOO_MANY_CONNECTIONS:
        fixed.append((b"retry-after", b"1"))
    before, _, after = content.partition(placeholder.encode())
    return b"".join(b"%b: %b\r\n" % header for header in fixed) + b"\r\n" + before, after
