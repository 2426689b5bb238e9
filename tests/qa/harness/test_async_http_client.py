"""Reading answers off a connection."""

from __future__ import annotations

import asyncio

import pytest

from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.http_client import HOST, BrokenResponse, NoResponse

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Replica: one\r\n\r\nhi"


def test_unrequested_bytes_close_the_connection() -> None:
    """No later request may take for its answer what came before it was sent."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(WHOLE)
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(greet, HOST, 0) as server:
            connection = await AsyncHttpClient.connect(server.sockets[0].getsockname()[1])
            while connection.is_open:
                await asyncio.sleep(0.001)
            with pytest.raises(NoResponse):
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
            connection = await AsyncHttpClient.connect(server.sockets[0].getsockname()[1])
            with pytest.raises(BrokenResponse, match=f"after {len(WHOLE) - 1} bytes"):
                await connection.ask(b"GET / HTTP/1.1\r\n\r\n", seconds=20)
            assert not connection.is_open

    asyncio.run(scenario())


def test_a_connection_can_be_closed_again_whatever_ended_it() -> None:
    """Also where the server said first that it sends nothing more, while much was still to be sent to it."""

    class SendsNothing(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.WriteTransport)
            transport.write_eof()

        def connection_lost(self, exc: Exception | None) -> None:
            del exc
            gone.set()

    gone = asyncio.Event()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with await loop.create_server(SendsNothing, HOST, 0) as server:
            client = await AsyncHttpClient.connect(server.sockets[0].getsockname()[1])
            client.send(bytes(2**25))
            await client.ended.wait()
            await gone.wait()
            client.close()
            client.reset()
            assert client.is_closing

    asyncio.run(scenario())
