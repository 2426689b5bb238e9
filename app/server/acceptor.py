"""Accepts connections from a listening socket that several workers share.

With one socket per worker (SO_REUSEPORT), the connections in a worker's backlog would be lost when it ends,
and a free worker could not take them from a busy one. With one shared socket, the first worker to wake up
takes all of a burst: of 64 connections opened at once, one of two workers got 62 from asyncio's own server.
So a worker accepts a few and then pauses until another has woken up: each gets about half.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

# After so many connections in a turn, a pause as long as the turn: still thousands of connections a second.
MAX_PER_TURN = 4
TURN_SECONDS = 0.001
# Pause after an error: no file descriptor or no memory for a connection.
RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Acceptor:
    """Accepts connections on the running event loop until it is closed, as an `asyncio.Server` does.

    Args:
        listener: a listening socket that does not block.
        protocol: makes the protocol object of a connection.
    """

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self._listener = listener
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._connecting: set[asyncio.Task[None]] = set()
        self._turn_ends = 0.0
        self._accepted = 0
        self._listen()

    def close(self) -> None:
        """Stop accepting and close the listening socket."""
        if not self._is_closed:
            self._loop.remove_reader(self._listener)
            self._listener.close()

    async def wait_closed(self) -> None:
        """Wait until every accepted connection has its protocol."""
        if self._connecting:
            await asyncio.wait(self._connecting)

    @property
    def _is_closed(self) -> bool:
        return self._listener.fileno() < 0

    def _listen(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listener, self._accept)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._loop.call_later(seconds, self._listen)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # another worker was faster, or the client has disconnected
        except OSError as error:
            log.warning("cannot accept connections: %s; trying again in %g s", error, RETRY_SECONDS)
            self._pause(RETRY_SECONDS)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        self._take_turns()

    def _take_turns(self) -> None:
        now = self._loop.time()
        if now >= self._turn_ends:
            self._turn_ends, self._accepted = now + TURN_SECONDS, 0
        self._accepted += 1
        if self._accepted >= MAX_PER_TURN:
            self._pause(TURN_SECONDS)

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()  # the client has disconnected
