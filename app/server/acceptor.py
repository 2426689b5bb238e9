"""Accepting connections from a port that several workers share.

They share one listening socket, not one each on the same port (SO_REUSEPORT): connections that wait to be
accepted are then lost with no worker, and a free worker takes what a busy one cannot. The price is that the
one that is awake takes all of a burst: of 64 connections opened at once, one of two workers got 62 from the
event loop's own server. So a worker takes a few, and then rests until another is awake: about half each.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

# A few connections in a turn, and a rest as long if they came: a worker still accepts thousands in a second.
MOST_IN_A_TURN = 4
TURN_SECONDS = 0.001
# How long to leave the port alone when there is no file descriptor, or no memory, for a connection.
PAUSE_SECONDS = 1.0

log = logging.getLogger(__name__)


class Acceptor:
    """Accepts connections for the running event loop until it is closed, as an `asyncio.Server` does.

    Args:
        listener: listens already, and does not block.
        protocol: makes the protocol of a connection.
    """

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self._listener = listener
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._connecting: set[asyncio.Task[None]] = set()
        self._turn_ends = 0.0
        self._taken = 0
        self._listen()

    def close(self) -> None:
        """Accept nothing more, and let go of the port."""
        if not self._is_closed:
            self._loop.remove_reader(self._listener)
            self._listener.close()

    async def wait_closed(self) -> None:
        """Wait until what was accepted is connected."""
        if self._connecting:
            await asyncio.wait(self._connecting)

    @property
    def _is_closed(self) -> bool:
        return self._listener.fileno() < 0

    def _listen(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listener, self._accept)

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._loop.call_later(seconds, self._listen)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # another worker was faster, or the caller has gone
        except OSError as error:
            log.warning("no connection is accepted for %g s: %s", PAUSE_SECONDS, error)
            self._rest(PAUSE_SECONDS)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        self._take_turns()

    def _take_turns(self) -> None:
        now = self._loop.time()
        if now >= self._turn_ends:
            self._turn_ends, self._taken = now + TURN_SECONDS, 0
        self._taken += 1
        if self._taken >= MOST_IN_A_TURN:
            self._rest(TURN_SECONDS)

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()  # the caller has gone
