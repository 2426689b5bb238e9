"""The open-loop client against a tiny server. Nothing here depends on how fast the machine is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import numpy as np
import pytest
import uvloop

from benchmarks.peers.connection import content_length
from benchmarks.peers.open_loop import Generator
from benchmarks.peers.schedule import LOST, Outcome, Phase, Schedule, even_schedule

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs timerfd, which Linux has")

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def load(handler: Handler, *, connections: int, limit: int, phase: Phase) -> Outcome:
    """What comes of a constant rate of one request on a server whose connections a handler serves."""
    return await load_of([REQUEST], even_schedule([phase]), handler, connections=connections, limit=limit)


async def load_of(
    requests: list[bytes], schedule: Schedule, handler: Handler, *, connections: int, limit: int
) -> Outcome:
    """What comes of a load on a server whose connections a handler serves, until they break."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await handler(reader, writer)
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        generator = Generator(port, requests, schedule, connections=connections, limit=limit)
        outcome = await generator.run()
        await asyncio.gather(*serving)
    return outcome


def answering(reply: bytes, *, pause: float = 0.0) -> Handler:
    """A server that gives the same reply to everything, after a pause, in two pieces."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readexactly(len(REQUEST))
            await asyncio.sleep(pause)
            writer.write(reply[:9])
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(reply[9:])

    return handle


def test_every_request_is_sent_and_answered() -> None:
    """As many as the schedule has, none before it is due."""
    reply = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd"
    outcome = uvloop.run(load(answering(reply), connections=4, limit=8, phase=Phase(200, 0.5)))
    assert outcome.status.tolist() == [200] * 100
    assert np.all(outcome.sent >= outcome.intended)
    assert np.all(outcome.finished >= outcome.sent)


def test_waiting_for_a_connection_is_not_hidden() -> None:
    """A server that answers one at a time makes later requests late by its own slowness."""
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    outcome = uvloop.run(load(answering(reply, pause=0.02), connections=1, limit=1, phase=Phase(500, 0.02)))
    assert outcome.answered.all()
    assert np.all(np.diff(outcome.finished) >= 0.02)
    assert outcome.latency[-1] >= 10 * 0.02 - outcome.intended[-1]


def test_more_connections_are_opened_when_all_are_busy() -> None:
    """Requests that are due do not wait for answers to others."""
    arrived = 0
    all_there = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        await reader.readexactly(len(REQUEST))
        arrived += 1
        if arrived == 5:
            all_there.set()
        await all_there.wait()
        writer.write(b"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n")

    outcome = uvloop.run(load(handle, connections=1, limit=5, phase=Phase(100, 0.05)))
    assert outcome.status.tolist() == [429] * 5


def test_each_kind_of_request_is_sent_in_the_order_of_the_schedule() -> None:
    """The number of a kind is its place in the list of requests."""
    received = b""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        while kind := await reader.readexactly(1):
            received += kind
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    schedule = Schedule(np.array([0.0, 0.01, 0.02]), np.array([1, 0, 1]))
    outcome = uvloop.run(load_of([b"a", b"b"], schedule, handle, connections=1, limit=1))
    assert outcome.answered.all()
    assert received == b"bab"


def test_a_broken_connection_loses_its_request() -> None:
    """It is counted as lost, and the next ones go on over a new connection."""

    async def handle(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(REQUEST))

    outcome = uvloop.run(load(handle, connections=1, limit=2, phase=Phase(50, 0.1)))
    assert outcome.status.tolist() == [LOST] * 5


def test_a_body_of_unknown_length_is_an_error() -> None:
    """The client reads Content-Length alone, and says so."""
    assert content_length(b"HTTP/1.1 200 OK\r\nX: y\r\ncontent-Length: 12") == 12
    with pytest.raises(ValueError, match="without Content-Length"):
        content_length(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked")
