"""`app.server.acceptor`: over real sockets."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from app.server.acceptor import MAX_PER_TURN, TURN_SECONDS, Acceptor

BURST = 128


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens on a port of this machine."""
    with socket.create_server(("127.0.0.1", 0), backlog=2 * BURST) as listening:
        listening.setblocking(False)
        yield listening


class Named(asyncio.Protocol):
    """Says who accepted the connection, and closes it."""

    def __init__(self, name: bytes) -> None:
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say it."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._name)
        transport.close()


async def who_accepts(address: tuple[str, int]) -> bytes:
    """The name of who accepts a new connection."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        return await reader.read()
    finally:
        writer.close()


def test_a_burst_is_shared(listener: socket.socket) -> None:
    """Each of two workers gets a fair part of simultaneous connections."""

    async def burst() -> Counter[bytes]:
        acceptors = [Acceptor(listener.dup(), partial(Named, name)) for name in (b"first", b"second")]
        callers = [who_accepts(listener.getsockname()) for _ in range(BURST)]
        accepted = Counter(await asyncio.gather(*callers))
        for acceptor in acceptors:
            acceptor.close()
        return accepted

    accepted = asyncio.run(asyncio.wait_for(burst(), 60))
    assert accepted.total() == BURST
    assert min(accepted[b"first"], accepted[b"second"]) >= BURST / 4, accepted


def test_a_burst_is_not_taken_in_one_go(listener: socket.socket) -> None:
    """A few, then a pause, so that another worker has time to wake up."""

    async def alone() -> float:
        loop = asyncio.get_running_loop()
        acceptor = Acceptor(listener, partial(Named, b"it"))
        start = loop.time()
        await asyncio.gather(*(who_accepts(listener.getsockname()) for _ in range(BURST)))
        acceptor.close()
        return loop.time() - start

    turns = BURST / MAX_PER_TURN - 1
    assert asyncio.run(asyncio.wait_for(alone(), 60)) >= turns * TURN_SECONDS


def test_a_closed_acceptor_frees_the_port(listener: socket.socket) -> None:
    """Accepted connections are served, further ones refused; a second close is no error."""

    async def close() -> None:
        acceptor = Acceptor(listener, partial(Named, b"it"))
        assert await who_accepts(address) == b"it"
        acceptor.close()
        acceptor.close()
        await acceptor.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await who_accepts(address)

    address = listener.getsockname()
    asyncio.run(asyncio.wait_for(close(), 60))


def test_without_a_free_descriptor_it_waits_and_goes_on(
    listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker pauses instead of trying in a hot loop; then the client gets its response."""

    async def run_out() -> bytes:
        acceptor = Acceptor(listener, partial(Named, b"it"))
        with socket.create_connection(listener.getsockname()) as caller:
            caller.setblocking(False)
            _, most = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            free = os.dup(0)
            os.close(free)
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, most))
            try:
                await asyncio.sleep(0.1)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            answer = await asyncio.get_running_loop().sock_recv(caller, 100)
        acceptor.close()
        return answer

    assert asyncio.run(asyncio.wait_for(run_out(), 60)) == b"it"
    (entry,) = caplog.records
    assert "cannot accept connections: [Errno 24]" in entry.getMessage()
