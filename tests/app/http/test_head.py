"""`app.http.head`: what is refused of a head that the parser has taken, and what the others say."""

from __future__ import annotations

import pytest

from app.api.headers import Header
from app.http import head
from app.http.head import MAX_HEADERS, BadMessage

NEW, OLD = b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n"
HOST, CHUNKED = (b"host", b"x"), (b"transfer-encoding", b"chunked")


@pytest.mark.parametrize(
    ("line", "headers", "says"),
    [
        (NEW, [HOST], (True, None, False)),
        (NEW, [HOST, (b"content-length", b"12")], (True, 12, False)),
        (NEW, [HOST, CHUNKED, (b"expect", b"100-Continue")], (True, None, True)),
        (OLD, [(b"expect", b"100-continue")], (False, None, False)),
        (NEW, [(b"host", b"")], (True, None, False)),
        (NEW, [HOST, *[(b"x", b"")] * (MAX_HEADERS - 1)], (True, None, False)),
    ],
)
def test_a_head_says_how_long_its_body_is(
    line: bytes, headers: list[Header], says: tuple[bool, int | None, bool]
) -> None:
    """And whether it is HTTP/1.1, and whether its client waits to be told to continue."""
    assert head.check(line, headers) == says


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        (b"GET / RTSP/1.1\r\n", [HOST], 505),
        (b"GET / HTTP/2.0\r\n", [HOST], 505),
        (NEW, [], 400),
        (NEW, [HOST, HOST], 400),
        (OLD, [HOST, HOST], 400),
        (NEW, [(b"host", b"a/b")], 400),
        (NEW, [HOST, (b"transfer-encoding", b"gzip, chunked")], 501),
        (NEW, [HOST, CHUNKED, CHUNKED], 501),
        (NEW, [HOST, *[(b"x", b"")] * MAX_HEADERS], 431),
    ],
)
def test_a_head_is_refused(line: bytes, headers: list[Header], status: int) -> None:
    """With the status that its connection ends with."""
    with pytest.raises(BadMessage) as refused:
        head.check(line, headers)
    assert refused.value.status == status


def test_a_head_without_its_upgrade_is_the_same_otherwise() -> None:
    """In its version, and with all of its other headers."""
    headers = [HOST, (b"upgrade", b"h2c"), (b"connection", b"upgrade"), (b"x", b"1"), (b"x", b"2")]
    plain = head.without_upgrade(b"POST", b"/predict", b"POST /predict HTTP/1.0\r\n", headers)
    expected = b"POST /predict HTTP/1.0\r\nhost: x\r\nconnection: upgrade\r\nx: 1\r\nx: 2\r\n\r\n"
    assert plain == expected
