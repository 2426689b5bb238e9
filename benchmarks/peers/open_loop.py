"""Open loop: requests are sent by the clock, without waiting for earlier responses.

`python -m benchmarks.peers.open_loop` is a separate process that sends the requests of a schedule. Latency
counts from the time at which a request was due, so it includes a stalled server or a late generator.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import uvloop

from benchmarks.peers.connection import Connection
from benchmarks.peers.schedule import LOST, UNANSWERED, Outcome, Schedule, read_schedule
from benchmarks.peers.timer import Timer

OPEN_AT_ONCE = 256  # connections: many more overflow a server's backlog
GRACE = 15.0  # seconds to wait for responses after the last request


class Generator:
    """Sends the requests of a schedule when they are due; opens connections as needed."""

    def __init__(
        self, port: int, requests: Sequence[bytes], schedule: Schedule, *, connections: int, limit: int
    ) -> None:
        self._port, self._requests = port, requests
        self._intended = schedule.times
        self._due: list[float] = schedule.times.tolist()
        self._kinds: list[int] = schedule.kinds.tolist()
        # Lists, because Python sets one number of a list faster than one of an array.
        self._sent = [math.nan] * len(self._due)
        self._finished = [math.nan] * len(self._due)
        self._status = [UNANSWERED] * len(self._due)
        self._first, self._limit = connections, limit
        self._idle: list[Connection] = []  # the last used is used first, so that few are busy at low rates
        self._open: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting: deque[int] = deque()
        self._next, self._left, self._start = 0, len(self._due), 0.0
        self._done = asyncio.Event()

    async def run(self) -> Outcome:
        """Send all requests, and wait up to `GRACE` seconds for the responses."""
        while len(self._open) < self._first:
            before = len(self._open)
            for _ in range(min(OPEN_AT_ONCE, self._first - before)):
                self._connect()
            await asyncio.gather(*self._opening)
            if len(self._open) == before:
                raise ConnectionError(f"no server accepts connections on port {self._port}")
        timer, loop = Timer(), asyncio.get_running_loop()
        self._start = time.monotonic() + 0.05
        loop.add_reader(timer.descriptor, self._send_due, timer)
        timer.set(self._start)
        try:
            async with asyncio.timeout(0.05 + self._due[-1] + GRACE):
                await self._done.wait()
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(timer.descriptor)
            timer.close()
            for connection in list(self._open):
                connection.close()
        return Outcome(self._intended, np.array(self._sent), np.array(self._finished), np.array(self._status))

    def is_free(self, connection: Connection) -> None:
        """Send a late request on a free connection, if there is one."""
        self._open.add(connection)
        if self._waiting:
            self._send(connection, self._waiting.popleft())
        else:
            self._idle.append(connection)

    def finished(self, number: int, status: int) -> None:
        """Record a response, or that there will be none."""
        self._finished[number] = time.monotonic() - self._start
        self._status[number] = status
        self._left -= 1
        if not self._left:
            self._done.set()

    def lost(self, connection: Connection) -> None:
        """Record a closed connection; its request is lost."""
        self._open.discard(connection)
        if connection.number is not None:
            self.finished(connection.number, LOST)
        elif connection in self._idle:
            self._idle.remove(connection)
        if self._waiting:
            self._connect()

    def _send_due(self, timer: Timer) -> None:
        timer.clear()
        now = time.monotonic() - self._start
        while self._next < len(self._due) and self._due[self._next] <= now:
            if self._idle:
                self._send(self._idle.pop(), self._next)
            else:
                self._waiting.append(self._next)
                self._connect()
            self._next += 1
        if self._next < len(self._due):
            timer.set(self._start + self._due[self._next])

    def _send(self, connection: Connection, number: int) -> None:
        self._sent[number] = time.monotonic() - self._start
        connection.send(number, self._requests[self._kinds[number]])

    def _connect(self) -> None:
        if len(self._open) + len(self._opening) < self._limit:
            task = asyncio.get_running_loop().create_task(self._open_one())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open_one(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", self._port)
        except OSError:  # no server, or too many connections: the oldest waiting request fails
            if self._waiting:
                self.finished(self._waiting.popleft(), LOST)


def main() -> None:
    """Run one load and write its outcome."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.open_loop", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--request",
        type=Path,
        nargs="+",
        required=True,
        help="a file with a whole HTTP request for each kind",
    )
    parser.add_argument("--schedule", type=Path, required=True, help="a file of Schedule.save")
    parser.add_argument("--connections", type=int, default=64, help="opened before the start")
    parser.add_argument("--limit", type=int, default=6144, help="the most connections at once")
    parser.add_argument("--out", type=Path, required=True, help="a .npz file")
    options = parser.parse_args()
    requests = [file.read_bytes() for file in options.request]
    schedule = read_schedule(options.schedule)
    gc.disable()  # a pause of the generator would count as the server's

    async def run() -> Outcome:
        generator = Generator(
            options.port, requests, schedule, connections=options.connections, limit=options.limit
        )
        return await generator.run()

    uvloop.run(run()).save(options.out)


if __name__ == "__main__":
    main()
