"""`qa.fuzz.delivery`: what a server does with a connection is noted as what it is."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from qa.fuzz.delivery import ConnectionEnd, Delivery, Observation, deliver, delivery

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
REQUEST = [b"GET / HTTP/1.1\r\n", b"\r\n"]
# Short ones: what a server of this test does, it does at once.
TIMEOUT = 0.5


class FakeServer(asyncio.Protocol):
    """A server that says something once it has read something.

    Args:
        data: what it says.
        close: whether it then ends the connection.
        deaf: whether it goes on when the client ends it.
    """

    def __init__(self, data: bytes = b"", *, close: bool = False, deaf: bool = False) -> None:
        self._data = data
        self._close = close
        self._deaf = deaf
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember it."""
        self.transport = transport

    def data_received(self, _: bytes) -> None:
        """Say it, once."""
        assert isinstance(self.transport, asyncio.WriteTransport)
        data, self._data = self._data, b""
        self.transport.write(data)
        if self._close:
            self.transport.close()

    def eof_received(self) -> bool:
        """The client has nothing more to say."""
        return self._deaf


def observe(
    server: FakeServer, end: ConnectionEnd = ConnectionEnd.HALF_CLOSE, request: list[bytes] = REQUEST
) -> Observation:
    """What a client sees of a server."""

    async def run() -> Observation:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        try:
            return await deliver(port, Delivery(request, 0.001, end), timeout=TIMEOUT)
        finally:
            listening.close()
            if isinstance(server.transport, asyncio.WriteTransport):
                server.transport.abort()
            await asyncio.sleep(0.01)

    return asyncio.run(run())


@pytest.mark.parametrize("end", [ConnectionEnd.HALF_CLOSE, ConnectionEnd.WAIT])
def test_an_answer_is_seen(end: ConnectionEnd) -> None:
    """Its status, headers and body; one on a connection that stays open is as good."""
    found = observe(FakeServer(ANSWER), end)
    [answer] = found.answers
    assert (answer.status, answer.headers.items(), answer.body) == (200, [("Content-Length", "2")], b"hi")
    assert (found.hung, found.cut, found.broken) == (False, False, "")


def test_all_answers_are_seen() -> None:
    """Those before the last one, too; a word in between is none."""
    found = observe(
        FakeServer(b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER + ANSWER.replace(b"200 OK", b"500 No"))
    )
    assert [answer.status for answer in found.answers] == [200, 500]


def test_an_end_without_an_answer_is_seen() -> None:
    """Which is a server's right."""
    found = observe(FakeServer(b"", close=True), ConnectionEnd.WAIT)
    assert found == Observation(closed=True)


@pytest.mark.parametrize("end", [ConnectionEnd.HALF_CLOSE, ConnectionEnd.WAIT])
def test_silence_is_seen(end: ConnectionEnd) -> None:
    """Neither an answer nor an end, not even after the client's."""
    assert observe(FakeServer(deaf=True), end).hung


def test_half_an_answer_is_seen() -> None:
    """A connection that the server ends within one."""
    assert observe(FakeServer(ANSWER[:-1], close=True)).cut
    assert not observe(FakeServer(ANSWER[:-1], close=True), request=[b"HEAD / HTTP/1.1\r\n\r\n"]).hung


def test_what_is_no_http_is_seen() -> None:
    """Whatever it is instead."""
    assert observe(FakeServer(b"220 mail.example ESMTP\r\n", close=True)).broken


def test_a_client_that_is_gone_sees_nothing() -> None:
    """It does not wait either."""
    found = observe(FakeServer(deaf=True), ConnectionEnd.RESET)
    assert found.answers == []
    assert not found.hung


def test_deliveries_are_of_all_kinds() -> None:
    """All ways to end a connection, in one piece or in several, and always all of the bytes."""
    deliveries = [delivery(Random(chance), bytes(range(100))) for chance in range(100)]
    assert {one.end for one in deliveries} == set(ConnectionEnd)
    assert {len(one.pieces) > 1 for one in deliveries} == {True, False}
    assert {one.data for one in deliveries} == {bytes(range(100))}
