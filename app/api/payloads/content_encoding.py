"""Decompresses bodies, and stops at the limit: memory is bounded for decompression bombs, too."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator

from app.api.payloads.wording import shown
from app.errors import MalformedPayload, PayloadTooLarge, UnsupportedMediaType

# A member costs about 2 µs, even an empty one of 20 bytes.
MAX_MEMBERS = 10_000

# zlib's "window bits" choose the container: https://docs.python.org/3/library/zlib.html#zlib.decompress
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_GZIP_MAGIC = b"\x1f\x8b"
_FIRST_STEP = 256
_STEP = 64 * 1024


def decompress(body: bytes, *, encoding: str | None, max_bytes: int) -> bytes:
    """The body as it was before its Content-Encoding: none, `identity`, `gzip` or `deflate` (zlib).

    A gzip body may have several members (RFC 1952, 2.2), zlib's is one stream; nothing may follow, not even
    zeros.

    Args:
        body: as sent.
        encoding: all of the header's value; `identity` and empty elements of a list are ignored.
        max_bytes: most bytes of the body, as sent and decompressed.

    Raises:
        UnsupportedMediaType: the encoding is another one, or several.
        PayloadTooLarge: the body is larger than `max_bytes`, as sent or decompressed.
        MalformedPayload: the compressed data are broken, end early, go on after their end, or have too many
            members.
    """
    elements = (element.strip(" \t").lower() for element in (encoding or "").split(","))
    name = ", ".join(element for element in elements if element not in {"", "identity"})
    if name and name not in _WINDOW_BITS:
        raise UnsupportedMediaType(
            f"Content-Encoding {shown(name)} is not supported; send gzip, deflate or no compression"
        )
    if len(body) > max_bytes:
        raise PayloadTooLarge(f"the body has {len(body):,} bytes; the limit is {max_bytes:,}")
    return _decompressed(body, name, max_bytes) if name else body


def _decompressed(body: bytes, name: str, max_bytes: int) -> bytes:
    parts, size = [], 0
    try:
        for part in _parts(memoryview(body), name):
            size += len(part)
            if size > max_bytes:
                raise PayloadTooLarge(f"the body decompresses to more than {max_bytes:,} bytes")
            parts.append(part)
    except zlib.error as error:
        raise MalformedPayload(f"broken {name}: {str(error).rpartition(': ')[2]}") from None
    except EOFError as error:
        raise MalformedPayload(f"broken {name}: {error}") from None
    return b"".join(parts)


def _parts(body: memoryview, name: str) -> Iterator[bytes]:
    """The decompressed data of all members, in parts of at most `_STEP` bytes."""
    end = 0
    for _ in range(MAX_MEMBERS):
        end = yield from _member(body, end, zlib.decompressobj(_WINDOW_BITS[name]))
        if end == len(body):
            return
        if name == "deflate" or not _GZIP_MAGIC.startswith(bytes(body[end : end + 2])):
            more = "a deflate body is one zlib stream" if name == "deflate" else "they are not a gzip member"
            raise EOFError(f"{len(body) - end:,} bytes follow its end; {more}")
    raise MalformedPayload(f"more than {MAX_MEMBERS:,} gzip members; send one")


def _member(body: memoryview, start: int, stream: zlib._Decompress) -> Generator[bytes, None, int]:
    """Decompress one member; the position after it.

    The input goes in by steps, small ones first: the stream copies what it leaves of the last one, which for
    small members would be far more than they are. A part that is full may leave output inside the stream, so
    the stream is asked until one is not.
    """
    step = _FIRST_STEP
    while start < len(body):
        data: bytes | memoryview = body[start : start + step]
        start += len(data)
        # Called again after its end, zlib would count what follows it twice.
        while not stream.eof and (part := stream.decompress(data, _STEP)):
            yield part
            data = stream.unconsumed_tail
        if stream.eof:
            return start - len(stream.unused_data)
        step = min(2 * step, _STEP)
    raise EOFError("the data end too early")
