"""Reading answers off a connection."""

from __future__ import annotations

import asyncio

import pytest

from qa.chaos.addresses import HOST
from qa.chaos.connection import BrokenAnswer, Connection, NoAnswer, read_answer

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Replica: one\r\n\r\nhi"


def test_an_answer_is_read_once_it_is_whole() -> None:
    """Every part of it is no answer yet; the whole is, with its headers."""
    assert all(read_answer(WHOLE[:end]) is None for end in range(len(WHOLE)))
    answer = read_answer(WHOLE)
    assert answer is not None
    assert (answer.status, answer.headers["x-replica"], answer.body) == (200, "one", b"hi")


@pytest.mark.parametrize(
    "received",
    [WHOLE + b"!", b"HTTP/1.1 200 OK\r\n\r\nhi", b"HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-x"],
    ids=["more follows", "no length", "no status", "no HTTP"],
)
def test_what_is_no_answer_is_told(received: bytes) -> None:
    """More than one answer, one without an end, and other protocols are errors."""
    with pytest.raises(ValueError, match=r".+"):
        read_answer(received)


def test_what_comes_unasked_closes_the_connection() -> None:
    """No later request may take for its answer what came before it was sent."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(WHOLE)
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(greet, HOST, 0) as server:
            connection = await Connection.open(server.sockets[0].getsockname()[1])
            while connection.is_open:
                await asyncio.sleep(0.001)
            with pytest.raises(NoAnswer):
                await connection.ask(b"GET / HTTP/1.1\r\n\r\n", seconds=20)

    asyncio.run(scenario())


def test_half_an_answer_says_how_much_came() -> None:
    """It is told apart from none, and the connection is closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(WHOLE[:-1])
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(serve, HOST, 0) as server:
            connection = await Connection.open(server.sockets[0].getsockname()[1])
            with pytest.raises(BrokenAnswer, match=f"after {len(WHOLE) - 1} bytes"):
                await connection.ask(b"GET / HTTP/1.1\r\n\r\n", seconds=20)
            assert not connection.is_open

    asyncio.run(scenario())
