"""`app.http.transport`: answers that are whole or not there at all."""

from __future__ import annotations

import asyncio
import socket

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.http.connection import Connection
from app.http.transport import CoalescingTransport
from qa.harness.server import ServerProcess


class RecordingTransport(asyncio.Transport):
    """A connection that notes what is written to it, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Note a write."""
        self.writes.append(bytes(data))

    def close(self) -> None:
        """Note the end."""
        self.closed = True

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.closed


async def answer(scope: object, receive: object, send: object) -> None:  # noqa: ARG001 - an ASGI app
    """An app whose answers have a body in two parts."""
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]}
    await send(start)  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"ab", "more_body": True})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"cd"})  # type: ignore[operator]


async def writes_for(request: bytes) -> RecordingTransport:
    """What the protocol writes for a request, once everything has run."""
    config = Config(answer, lifespan="off")
    config.load()
    transport = RecordingTransport()
    protocol = Connection(config, ServerState(), {}, asyncio.get_running_loop())
    protocol.connection_made(transport)
    protocol.data_received(request)
    for _ in range(10):
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    return transport


def test_head_and_body_are_written_as_one_piece() -> None:
    """A process killed between two writes would leave half an answer."""
    transport = asyncio.run(writes_for(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    (written,) = transport.writes
    assert written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert written.endswith(b"\r\n\r\nabcd")


def test_what_was_written_goes_out_before_the_connection_is_closed() -> None:
    """A last answer is not lost with its connection."""
    transport = asyncio.run(writes_for(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    assert transport.writes[0].endswith(b"abcd")
    assert transport.closed


@pytest.mark.parametrize("path", ["/livez", "/model"])
def test_a_real_server_answers_in_one_piece(server: ServerProcess, path: str) -> None:
    """Over a real connection, what can be read at once is a whole answer."""
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for _ in range(20):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head, _, body = connection.recv(2**20).partition(b"\r\n\r\n")
            length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length:"))
            assert len(body) == int(length.split()[1])


def test_nothing_is_written_to_a_connection_that_is_gone() -> None:
    """A client that resets it between two answers would fill the log with errors."""

    async def scenario() -> RecordingTransport:
        transport = RecordingTransport()
        gathering = CoalescingTransport(transport, asyncio.get_running_loop())
        gathering.write(b"an answer")
        transport.close()
        await asyncio.sleep(0)
        return transport

    assert asyncio.run(scenario()).writes == []
