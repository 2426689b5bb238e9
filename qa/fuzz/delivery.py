"""One connection to a server: sends bytes in pieces and records what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import NamedTuple

from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.messages import Response

# A server that has neither responded nor closed by then hangs. Its own timeout is 10 s.
HANG_SECONDS = 40.0
# Without a response for this time, the server probably waits for more data.
_QUIET_SECONDS = 0.3
# Time for another response on the same connection.
_MORE_SECONDS = 0.02


class ConnectionEnd(StrEnum):
    """How the client ends a connection that the server does not end."""

    HALF_CLOSE = "half close"  # closes the sending side, and continues to read
    WAIT = "wait"  # keeps the connection open
    RESET = "reset"  # resets the connection


_ENDS = (*(ConnectionEnd.HALF_CLOSE,) * 16, *(ConnectionEnd.WAIT,) * 2, *(ConnectionEnd.RESET,) * 2)


class Delivery(NamedTuple):
    """What is sent, and how.

    Attributes:
        pieces: bytes, sent one after the other.
        pause: seconds between them.
        end: how the client ends the connection.
    """

    pieces: Sequence[bytes]
    pause: float
    end: ConnectionEnd

    @property
    def data(self) -> bytes:
        """All bytes that are sent."""
        return b"".join(self.pieces)

    @property
    def has_head_request(self) -> bool:
        """Whether a response may have a length and no body, so that the next response looks like its body."""
        return b"HEAD" in self.data


def delivery(rng: Random, data: bytes) -> Delivery:
    """A random delivery: mostly in one piece and with a half close."""
    pieces = [data]
    if not rng.getrandbits(2):
        cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 6)))
        pieces = [data[start:end] for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True)]
    elif not rng.getrandbits(4):
        head, rest = data[:40], data[40:]
        pieces = [*(head[at : at + 1] for at in range(len(head))), rest]
    end = rng.choice(_ENDS)
    return Delivery([piece for piece in pieces if piece], rng.choice((0.0, 0.0, 0.001, 0.01)), end)


@dataclass(slots=True)
class Observation:
    """What a client observed.

    Attributes:
        answers: complete responses, without informational ones.
        closed: whether the server closed the connection, or confirmed the client's end.
        cut: whether it closed by itself within a response.
        broken: data that is not HTTP; empty if none.
        hung: whether it neither responded nor closed.
    """

    answers: list[Response] = field(default_factory=list)
    closed: bool = False
    cut: bool = False
    broken: str = ""
    hung: bool = False


async def deliver(port: int, what: Delivery, *, timeout: float = HANG_SECONDS) -> Observation:
    """Connect, send, and record what happens.

    Args:
        port: port of the server.
        what: what to send.
        timeout: seconds after which the server counts as hung.

    Raises:
        OSError: no connection.
    """
    client = await AsyncHttpClient.connect(port, heads=what.has_head_request)
    hung = left = False
    try:
        await _send(client, what)
        if what.end is ConnectionEnd.RESET:
            client.reset()
        elif what.end is ConnectionEnd.WAIT:
            hung = not await _within(timeout, client.heard)
        else:
            if await _within(_QUIET_SECONDS, client.heard):
                await _within(_MORE_SECONDS, client.ended)
            left = await _wait_for_rest(client, timeout)
            if not client.ended.is_set():
                client.shut_down_sending()
            hung = not await _within(timeout, client.ended)
    finally:
        closed = client.ended.is_set()
        client.close()
    return Observation(
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


async def _wait_for_rest(client: AsyncHttpClient, timeout: float) -> bool:
    """Wait until no response is incomplete; False if one still is at the timeout."""
    until = asyncio.get_running_loop().time() + timeout
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
