"""`python -m qa.chaos.flood`: opens bad connections from a separate process.

It prints how many it has opened and keeps them open until its standard input ends: the server has to close
them. There are equally many of each kind:

* silent: connects and sends nothing.
* slow: sends the head of a request, one byte per second.
* half-sent: sends the head and half of the body.
* reset: like half-sent, and resets the connection at once.
* abandoned: sends a whole request and disconnects without waiting for the response.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import uvloop

from qa.harness.http_client import HOST, RESET

KINDS = ("silent", "slow", "half-sent", "reset", "abandoned")
CONNECT_SECONDS = 20.0
# Real clients run on other machines; here the process shares the CPU and must not take it from the server.
NICENESS = 10


class Flood:
    """Opens connections at a constant rate.

    Args:
        port: port of the server.
        request: a complete HTTP request.
        rate: connections per second.

    Attributes:
        opened: number of opened connections.
    """

    def __init__(self, port: int, request: bytes, *, rate: float) -> None:
        self.opened = 0
        self._port = port
        self._request = request
        head = request.index(b"\r\n\r\n") + 4
        self._half = request[: (head + len(request)) // 2]
        self._rate = rate
        self._held: list[socket.socket] = []
        self._sent: dict[socket.socket, int] = {}  # bytes of the head, of the slow ones

    async def open(self, number: int) -> None:
        """Open `number` connections, cycling through the kinds."""
        async with asyncio.TaskGroup() as opening:
            start = time.monotonic()
            for turn, kind in enumerate(islice(cycle(KINDS), number)):
                await asyncio.sleep(start + turn / self._rate - time.monotonic())
                opening.create_task(self._open(kind))

    async def drip(self, *, every: float = 1.0) -> None:
        """Send a byte on each slow connection every `every` seconds, forever."""
        while True:
            await asyncio.sleep(every)
            for connection, sent in list(self._sent.items()):
                try:
                    connection.send(self._request[sent : sent + 1])
                except OSError:  # the server has closed it
                    del self._sent[connection]
                else:
                    self._sent[connection] = sent + 1

    def close(self) -> None:
        """Close the connections that the server has not closed."""
        for connection in self._held:
            connection.close()

    async def _open(self, kind: str) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().sock_connect(connection, (HOST, self._port))
                self.opened += 1
                await self._misbehave(kind, connection)
        except OSError:  # includes the timeout
            connection.close()

    async def _misbehave(self, kind: str, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if kind in ("half-sent", "reset"):
            await loop.sock_sendall(connection, self._half)
        elif kind == "abandoned":
            await loop.sock_sendall(connection, self._request)
        elif kind == "slow":
            self._sent[connection] = 0
        if kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        if kind in ("reset", "abandoned"):
            connection.close()
        else:
            self._held.append(connection)


async def _run(options: argparse.Namespace) -> None:
    flood = Flood(options.port, options.request.read_bytes(), rate=options.rate)
    dripping = asyncio.create_task(flood.drip())
    await flood.open(options.number)
    print(json.dumps({"opened": flood.opened}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    dripping.cancel()
    flood.close()


def main() -> None:
    """Open the connections and hold them."""
    parser = argparse.ArgumentParser(prog="python -m qa.chaos.flood", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--request", type=Path, required=True, help="a file with a whole HTTP request")
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="connections a second")
    os.nice(NICENESS)
    uvloop.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
