"""Reading a request's body within limits of size and time, and waiting until the client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar, cast

from starlette.types import Message, Receive

from app.api.headers import CONTENT_ENCODING, CONTENT_LENGTH, RequestHead
from app.api.payloads import decompress
from app.errors import ClientClosed, MalformedPayload, PayloadTooLarge, SlowPayload

T = TypeVar("T")

CLIENT_CLOSED = "the client closed its sending side before the prediction was ready"
# A route that reads its body piece by piece sets this in the scope's `state`: its connection then counts only
# the bytes that the route has not taken yet.
STREAMED = "body_is_streamed"


async def read_body(head: RequestHead, receive: Receive, *, max_bytes: int, deadline: float) -> bytes:
    """The body of a request, decompressed.

    Args:
        head: the request's.
        receive: the ASGI `receive`; nothing was received yet.
        max_bytes: the most to hold, both as sent and decompressed.
        deadline: on the event loop's clock.

    Raises:
        PayloadTooLarge: more than `max_bytes`; with a Content-Length, before a byte is read.
        SlowPayload: not all there at the deadline.
        MalformedPayload: a broken Content-Length or compression, or the connection ended.
        UnsupportedMediaType: an unknown Content-Encoding.
    """
    check_length(head.get(CONTENT_LENGTH), max_bytes)
    body = bytearray()
    # Nearly every body is there in one piece by now; a timer for those costs as much as reading them.
    first = _at_once(receive())
    if first is None or _add(first, body, max_bytes):
        try:
            async with asyncio.timeout_at(deadline):
                while _add(await receive(), body, max_bytes):
                    pass
        except TimeoutError as error:
            raise SlowPayload(f"only {len(body)} bytes of the body arrived in time") from error
    return decompress(bytes(body), encoding=head.joined(CONTENT_ENCODING), max_bytes=max_bytes)


async def until_disconnect(future: asyncio.Future[T], receive: Receive) -> T:
    """Wait for a result, and cancel it if the client disconnects.

    Args:
        future: of the result.
        receive: the ASGI `receive`. The body is read, so any message means that the client has disconnected.

    Raises:
        ClientClosed: the client disconnected first.
    """
    disconnect = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((future, disconnect), return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            raise ClientClosed(CLIENT_CLOSED)
        return future.result()
    finally:
        future.cancel()
        disconnect.cancel()
        del future  # its error's traceback holds this frame: garbage that outlives the request


def _at_once(arrival: Awaitable[Message]) -> Message | None:
    """The message if it is available; None if it is not, and then nothing is lost.

    The coroutine runs until it would wait and is closed there, as a timeout would cancel it.
    """
    steps = arrival.__await__()
    try:
        next(steps)
    except StopIteration as there:
        return cast("Message", there.value)
    steps.close()
    return None


def _add(message: Message, body: bytearray, max_bytes: int) -> bool:
    """Append the data of a message; whether more will follow."""
    if message["type"] == "http.disconnect":
        # Nobody reads the response, but it is counted; it is a client error.
        raise MalformedPayload(f"the connection ended after {len(body)} bytes of the body")
    body += message.get("body", b"")
    if len(body) > max_bytes:
        raise PayloadTooLarge(f"the body is larger than {max_bytes} bytes")
    return bool(message.get("more_body", False))


def check_length(content_length: str | None, max_bytes: int) -> None:
    """Check the Content-Length of a body before a byte of it is read.

    Raises:
        MalformedPayload: it is no number.
        PayloadTooLarge: it is more than `max_bytes`.
    """
    if content_length is None:
        return
    if not content_length.isdecimal():
        raise MalformedPayload(f"Content-Length is {content_length!r}, not a number of bytes")
    if int(content_length) > max_bytes:
        raise PayloadTooLarge(f"the body has {content_length} bytes; the limit is {max_bytes}")
