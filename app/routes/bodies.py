"""Reading a request's body within limits of size and time."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.errors import MalformedPayload, PayloadTooLarge, SlowPayload
from app.payloads import decompress


async def read_body(request: Request, *, max_bytes: int, deadline: float) -> bytes:
    """The body of a request, decompressed.

    Args:
        request: its stream has not been touched yet.
        max_bytes: the most to hold, both as sent and decompressed.
        deadline: on the event loop's clock.

    Raises:
        PayloadTooLarge: more than `max_bytes`; with a Content-Length, before a byte is read.
        SlowPayload: not all there at the deadline.
        MalformedPayload: a broken Content-Length or compression.
        UnsupportedMediaType: an unknown Content-Encoding.
    """
    _check_length(request.headers.get("content-length"), max_bytes)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout_at(deadline):
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise PayloadTooLarge(f"the body is larger than {max_bytes} bytes")
                chunks.append(chunk)
    except ClientDisconnect as error:  # nobody reads the answer, but it is counted, and is no fault of ours
        raise MalformedPayload(f"the connection ended after {size} bytes of the body") from error
    except TimeoutError as error:
        raise SlowPayload(f"only {size} bytes of the body arrived in time") from error
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    return decompress(body, encoding=request.headers.get("content-encoding"), max_bytes=max_bytes)


def _check_length(content_length: str | None, max_bytes: int) -> None:
    if content_length is None:
        return
    if not content_length.isdecimal():
        raise MalformedPayload(f"Content-Length is {content_length!r}, not a number of bytes")
    if int(content_length) > max_bytes:
        raise PayloadTooLarge(f"the body has {content_length} bytes; at most {max_bytes} are read")
