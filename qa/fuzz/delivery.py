"""One connection to a server: bytes go out in pieces, and everything that happens then is noted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import NamedTuple

from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.messages import Response

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


@dataclass(slots=True)
class Seen:
    """What a client saw.

    Attributes:
        answers: those that came whole, informational ones left out.
        closed: whether the server ended the connection, or confirmed the client's end.
        cut: whether it did so within an answer, and by itself.
        broken: what came that is no HTTP; empty if nothing.
        hung: whether it neither answered nor closed.
    """

    answers: list[Response] = field(default_factory=list)
    closed: bool = False
    cut: bool = False
    broken: str = ""
    hung: bool = False


async def deliver(port: int, what: Delivery, *, patience: float = HANG_SECONDS) -> Seen:
    """Connect, send, and see what comes of it.

    Args:
        port: of the server.
        what: to send.
        patience: seconds after which the server hangs.

    Raises:
        OSError: nobody listens.
    """
    client = await AsyncHttpClient.connect(port, heads=what.asks_for_heads)
    hung = left = False
    try:
        await _send(client, what)
        if what.goodbye is Goodbye.RESET:
            client.reset()
        elif what.goodbye is Goodbye.WAIT:
            hung = not await _within(patience, client.heard)
        else:
            if await _within(_QUIET_SECONDS, client.heard):
                await _within(_MORE_SECONDS, client.ended)
            left = await _waits_for_the_rest(client, patience)
            if not client.ended.is_set():
                client.shut_down_sending()
            hung = not await _within(patience, client.ended)
    finally:
        closed = client.ended.is_set()
        client.close()
    return Seen(
        [response for response in client.parser.responses if response.status >= 200],
        closed=closed,
        cut=closed and client.parser.is_within and not left,
        broken=client.fault,
        hung=hung,
    )


async def _send(client: AsyncHttpClient, what: Delivery) -> None:
    for number, piece in enumerate(what.pieces):
        if number and what.pause:
            await asyncio.sleep(what.pause)
        if client.is_closing:
            return
        client.send(piece)


async def _waits_for_the_rest(client: AsyncHttpClient, patience: float) -> bool:
    """Wait until no answer has begun, so that the client's end cuts none; False if one has all the same."""
    until = asyncio.get_running_loop().time() + patience
    while client.parser.is_within and not client.ended.is_set():
        if asyncio.get_running_loop().time() >= until:
            return False
        await _within(_MORE_SECONDS, client.ended)
    return not client.parser.is_within


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
