"""Headers that have browsers take an answer for no more than it is, and keep none of it.

Whatever an answer says of this kind itself stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

Header = tuple[bytes, bytes]

_NO_GUESSING = (b"x-content-type-options", b"nosniff")
_NO_COPIES = (b"cache-control", b"no-store")
# Of an answer that is no page: for those who write it without the framework.
PLAIN = (_NO_GUESSING, _NO_COPIES)
# A page may do nothing and be shown in no other, unless its route says what it needs.
_PAGE = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)


def secured(headers: Iterable[Header]) -> list[Header]:
    """An answer's headers and, of these, those that it lacks.

    What brings an `ETag` is made to be kept and asked for again: the documentation's scripts.
    """
    given = dict(headers)
    wanted = [_NO_GUESSING]
    if b"etag" not in given:
        wanted.append(_NO_COPIES)
    if given.get(b"content-type", b"").startswith(b"text/html"):
        wanted += _PAGE
    return [*headers, *(header for header in wanted if header[0] not in given)]
