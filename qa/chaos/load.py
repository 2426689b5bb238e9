"""A constant load over keep-alive connections; every response is checked.

Each connection sends one request after the other, at its share of the rate; if the server is slower, the rate
drops, and the report shows it. A closed connection is reopened. There are no retries.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from itertools import count
from types import TracebackType
from typing import Self

from qa.chaos.client import SECONDS, Client
from qa.chaos.request_log import RequestLog
from qa.chaos.workload import Request, Workload
from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.process import NotServing

WAIT_SECONDS = 90.0


class Load:
    """Sends requests while the context is open.

    Args:
        port: port of the server or the balancer.
        workload: the workload that the requests are from.
        requests: sent in a cycle; each connection starts at another index.
        connections: number of connections.
        rate: requests per second of all connections together; by default each connection sends the next
            request as soon as it has a response.
        seconds: timeout, after which a request without a response is lost.

    Attributes:
        request_log: the log of all requests; complete when the context is closed.
    """

    def __init__(
        self,
        port: int,
        workload: Workload,
        requests: Sequence[Request],
        *,
        connections: int,
        rate: float = math.inf,
        seconds: float = SECONDS,
    ) -> None:
        self.request_log = RequestLog()
        self._client = Client(port, workload, self.request_log, seconds=seconds)
        self._requests = requests
        self._connections = connections
        self._rate = rate
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start all connections."""
        self._tasks = [
            asyncio.create_task(self._send_requests(number)) for number in range(self._connections)
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the last responses; end at once if the block raised."""
        self._stopping.set()
        if kind is not None:
            for task in self._tasks:
                task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        if kind is None and (bugs := [result for result in results if result is not None]):
            raise bugs[0]

    @property
    def description(self) -> str:
        """Number of connections and kinds of requests."""
        sizes: dict[str, set[int]] = {}
        errors = set()
        for request in self._requests:
            if request.status == 200:
                sizes.setdefault(request.form, set()).add(request.size)
            else:
                errors.add(request.status)
        kinds = [f"{form} of {', '.join(map(str, sorted(found)))} series" for form, found in sizes.items()]
        kinds += [f"requests that get {', '.join(map(str, sorted(errors)))}"] if errors else []
        return f"{self._connections} connections; {'; '.join(kinds)}"

    async def wait_for_responses(self, number: int, *, of: str | None = None) -> None:
        """Wait for `number` more correct responses, of all replicas or of one.

        Raises:
            NotServing: they did not arrive in time.
        """
        wanted = self.request_log.correct_responses(of=of) + number
        deadline = time.monotonic() + WAIT_SECONDS
        while self.request_log.correct_responses(of=of) < wanted:
            if time.monotonic() > deadline:
                words = "; ".join(self.request_log.faults()) or "nothing failed"
                raise NotServing(
                    f"{number} more correct responses of {of or 'any replica'} did not arrive: {words}"
                )
            await asyncio.sleep(0.05)

    async def _send_requests(self, number: int) -> None:
        requests = self._requests
        start = number * len(requests) // self._connections
        interval = self._connections / self._rate
        due = time.monotonic() + interval * number / self._connections  # spread over the first interval
        connection: AsyncHttpClient | None = None
        for turn in count(start):
            if await self._stops_before(due):
                break
            due = max(due + interval, time.monotonic())
            connection = await self._client.request(requests[turn % len(requests)], connection)
        if connection is not None:
            connection.close()

    async def _stops_before(self, due: float) -> bool:
        if self._stopping.is_set():
            return True
        if (pause := due - time.monotonic()) <= 0:
            return False
        try:
            async with asyncio.timeout(pause):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True
