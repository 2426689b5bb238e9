"""Decompresses bodies, never holding more than the limit: a bomb is refused while it goes off.

It knows bytes and the names of encodings, no media type.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from app.errors import MalformedPayload, PayloadTooLarge, UnsupportedMediaType
from app.payloads.wording import shown

# zlib's "window bits" choose the container: https://docs.python.org/3/library/zlib.html#zlib.decompress
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_STEP = 64 * 1024


def decompress(body: bytes, *, encoding: str | None, max_bytes: int) -> bytes:
    """The body as it was before its Content-Encoding: none, `identity`, `gzip` or `deflate` (zlib).

    Raises:
        UnsupportedMediaType: the encoding is another one, or several.
        PayloadTooLarge: the body is larger than `max_bytes`, as sent or decompressed.
        MalformedPayload: the compressed data are broken, end early or go on after their end.
    """
    name = (encoding or "").strip().lower() or "identity"
    if name not in {"identity", *_WINDOW_BITS}:
        raise UnsupportedMediaType(
            f"encoding {shown(name)} is not read; send identity, or one of gzip, deflate"
        )
    if len(body) > max_bytes:
        raise PayloadTooLarge(f"the body is {len(body):,} bytes; at most {max_bytes:,} are read")
    return body if name == "identity" else _decompressed(body, name, max_bytes)


def _decompressed(body: bytes, name: str, max_bytes: int) -> bytes:
    parts, size = [], 0
    try:
        for part in _parts(body, zlib.decompressobj(_WINDOW_BITS[name])):
            size += len(part)
            if size > max_bytes:
                raise PayloadTooLarge(f"the body decompresses to more than {max_bytes:,} bytes")
            parts.append(part)
    except zlib.error as error:
        raise MalformedPayload(f"broken {name}: {str(error).rpartition(': ')[2]}") from None
    except EOFError as error:
        raise MalformedPayload(f"broken {name}: {error}") from None
    return b"".join(parts)


def _parts(body: bytes, stream: zlib._Decompress) -> Iterator[bytes]:
    """The decompressed data in parts of at most `_STEP` bytes; the input too goes in by steps.

    A part that is full may leave output inside the stream, so the stream is asked until one is not.
    """
    for start in range(0, len(body), _STEP):
        data = body[start : start + _STEP]
        while part := stream.decompress(data, _STEP):
            yield part
            data = stream.unconsumed_tail
        if stream.eof:
            _check_end(len(stream.unused_data) + max(0, len(body) - start - _STEP))
            return
    raise EOFError("the data end early")


def _check_end(rest: int) -> None:
    if rest:
        raise EOFError(f"{rest:,} bytes follow its end; a body is one stream")
