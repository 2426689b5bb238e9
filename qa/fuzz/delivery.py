"""One connection to a server: bytes go out in pieces, and everything that happens then is noted."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import NamedTuple

from qa.fuzz.client import Client, Seen
from qa.fuzz.server import HOST

# Whoever has not answered or hung up by then does neither. The server itself gives up after 10 seconds.
HANG_SECONDS = 40.0
# Without an answer for so long, the server waits for more, most likely.
_QUIET_SECONDS = 0.3
# After an answer, another one on the same connection has so long.
_MORE_SECONDS = 0.02


class Goodbye(StrEnum):
    """How the client ends a connection that the server does not end."""

    HALF_CLOSE = "half close"  # it says that nothing more comes, and waits
    WAIT = "wait"  # it says nothing
    RESET = "reset"  # it is gone


_GOODBYES = (*(Goodbye.HALF_CLOSE,) * 16, *(Goodbye.WAIT,) * 2, *(Goodbye.RESET,) * 2)


class Delivery(NamedTuple):
    """What is sent, and how.

    Attributes:
        pieces: the bytes, sent one after the other.
        pause: seconds between them.
        goodbye: the end.
    """

    pieces: Sequence[bytes]
    pause: float
    goodbye: Goodbye

    @property
    def data(self) -> bytes:
        """All that is sent."""
        return b"".join(self.pieces)

    @property
    def asks_for_heads(self) -> bool:
        """Whether an answer may have a length and no body; the next answer then looks like its body."""
        return b"HEAD" in self.data


def delivery(rng: Random, data: bytes) -> Delivery:
    """Mostly at once and with a half close."""
    pieces = [data]
    if not rng.getrandbits(2):
        cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 6)))
        pieces = [data[start:end] for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True)]
    elif not rng.getrandbits(4):
        head, rest = data[:40], data[40:]
        pieces = [*(head[at : at + 1] for at in range(len(head))), rest]
    goodbye = rng.choice(_GOODBYES)
    return Delivery([piece for piece in pieces if piece], rng.choice((0.0, 0.0, 0.001, 0.01)), goodbye)


async def deliver(port: int, what: Delivery, *, patience: float = HANG_SECONDS) -> Seen:
    """Connect, send, and see what comes of it.

    Args:
        port: of the server.
        what: to send.
        patience: seconds after which the server hangs.

    Raises:
        OSError: nobody listens.
    """
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(lambda: Client(heads=what.asks_for_heads), HOST, port)
    try:
        await _send(transport, what)
        if what.goodbye is Goodbye.RESET:
            _reset(transport)
        elif what.goodbye is Goodbye.WAIT:
            client.seen.hung = not await _within(patience, client.spoken_to)
        else:
            if await _within(_QUIET_SECONDS, client.spoken_to):
                await _within(_MORE_SECONDS, client.ended)
            client.seen.hung = not await _leave(transport, client, patience)
        return client.seen
    finally:
        if not client.seen.closed:
            transport.abort()


async def _send(transport: asyncio.Transport, what: Delivery) -> None:
    for number, piece in enumerate(what.pieces):
        if number and what.pause:
            await asyncio.sleep(what.pause)
        if transport.is_closing():
            return
        transport.write(piece)


async def _leave(transport: asyncio.Transport, client: Client, patience: float) -> bool:
    """Half close, not within an answer; whether the end came."""
    until = asyncio.get_running_loop().time() + patience
    while not client.leave() and asyncio.get_running_loop().time() < until:
        if await _within(_MORE_SECONDS, client.ended):
            return True
    if not transport.is_closing():
        transport.write_eof()
    return await _within(patience, client.ended)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _reset(transport: asyncio.Transport) -> None:
    if transport.is_closing():
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
