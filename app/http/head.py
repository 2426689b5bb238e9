"""Checks of the head of an HTTP/1.1 request that the parser does not make.

The parser also accepts HTTP/0.9, HTTP/2.0 and RTSP as HTTP/1, a missing Host header, and transfer codings
that this server does not decode.
"""

from __future__ import annotations

import re

from app.api.headers import Header

NOT_HTTP, TARGET_TOO_LONG, HEAD_TOO_LARGE, UNKNOWN_CODING, OTHER_VERSION = 400, 414, 431, 501, 505

# Limits of a head: total size, size of the target in its first line, number of headers.
HEAD_BYTES = 64 * 1024
TARGET_BYTES = 8 * 1024
MAX_HEADERS = 100

_VERSION, _OLD_VERSION = b" HTTP/1.1\r\n", b" HTTP/1.0\r\n"
# uri-host [":" port] (RFC 9110, 7.2): checks characters only.
_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")


class BadMessage(Exception):
    """An invalid request; its connection ends with an error response.

    Args:
        status: of the response.
        reason: for the client.
    """

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason


def check(request_line: bytes, headers: list[Header]) -> tuple[bool, int | None, bool]:
    """Refuse heads that the parser accepts and HTTP/1.1 does not allow (RFC 9112, 2.3, 3.2 and 6.1).

    Args:
        request_line: with its line break.
        headers: names in lower case, values without white space around them.

    Returns:
        Whether it is HTTP/1.1, not 1.0; its Content-Length, or None; whether the client waits for 100
        Continue before it sends the body.

    Raises:
        BadMessage: the head is refused.
    """
    fields = dict(headers)
    host = fields.get(b"host")
    is_http_1_1 = request_line.endswith(_VERSION)
    if not (is_http_1_1 or request_line.endswith(_OLD_VERSION)):
        raise BadMessage(OTHER_VERSION)
    if len(fields) != len(headers) or host is None:
        hosts = sum(name == b"host" for name, _ in headers)
        if hosts > 1 or (hosts == 0 and is_http_1_1):
            raise BadMessage(NOT_HTTP, f"send exactly one Host header, not {hosts}")
        if sum(name == b"transfer-encoding" for name, _ in headers) > 1:
            raise BadMessage(UNKNOWN_CODING)
    if host and not _HOST.fullmatch(host):
        raise BadMessage(NOT_HTTP, "the Host header must be a host, or host:port")
    length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if length is None and coding is not None and coding.lower() != b"chunked":
        raise BadMessage(UNKNOWN_CODING)
    if len(headers) > MAX_HEADERS:
        raise BadMessage(HEAD_TOO_LARGE)
    # An HTTP/1.0 client does not wait for 100 Continue (RFC 9110, 10.1.1).
    expects_continue = is_http_1_1 and fields.get(b"expect", b"").lower() == b"100-continue"
    body_bytes = None if length is None else int(length)  # the parser has checked that it is a number
    return is_http_1_1, body_bytes, expects_continue


def has_other_version(request_line: bytes) -> bool:
    """Whether a request line is complete and names an unsupported version."""
    return request_line.endswith(b"\n") and not request_line.endswith((_VERSION, _OLD_VERSION))


def without_upgrade(method: bytes, target: bytes, request_line: bytes, headers: list[Header]) -> bytes:
    """The head without its Upgrade header: a server may go on with HTTP/1.1 (RFC 9110, 7.8)."""
    version = request_line[-len(_VERSION) :]
    fields = [b"%b: %b\r\n" % field for field in headers if field[0] != b"upgrade"]
    return b"%b %b%b%b\r\n" % (method, target, version, b"".join(fields))
