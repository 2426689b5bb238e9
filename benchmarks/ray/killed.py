"""A process is killed under load: what a client that sends again loses, and one that does not."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from app.client import AsyncClient
from app.client.errors import ClientError
from app.client.http.sending import Retry
from benchmarks.peers.golden import Golden
from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.http_client import BrokenResponse, NoResponse
from qa.harness.messages import as_json, post

CALLERS = 16  # of each kind
BEFORE = 2.0  # seconds of load before the process is killed
TIMEOUT = 20.0


@dataclass(slots=True)
class Outcome:
    """What the clients saw.

    Attributes:
        answered: predictions of the client that sends again.
        again: requests that it sent again.
        lost: its calls that failed.
        plain: responses of the plain client by status, `lost` without one.
    """

    answered: int = 0
    again: int = 0
    lost: int = 0
    plain: Counter[str] = field(default_factory=Counter)

    def values(self) -> dict[str, float]:
        """For a record."""
        sent = self.plain.total()
        return {
            "answered": self.answered,
            "again": self.again,
            "lost": self.lost,
            "plain_sent": sent,
            "plain_failed": sent - self.plain["200"],
            "plain_no_response": self.plain["lost"],
        }


@dataclass(slots=True)
class _Clients:
    port: int
    golden: Golden
    end: float
    seen: Outcome = field(default_factory=Outcome)

    async def plain(self) -> None:
        """Send on one connection until the end, each request once."""
        series = as_json(self.golden.series[:1])
        request = post(series, [("Content-Type", "application/json")])
        connection: AsyncHttpClient | None = None
        while time.monotonic() < self.end:
            try:
                if connection is None or not connection.is_open:
                    connection = await AsyncHttpClient.connect(self.port, seconds=TIMEOUT)
                response = await connection.ask(request, seconds=TIMEOUT)
            except (NoResponse, BrokenResponse):
                self.seen.plain["lost"] += 1
            else:
                self.seen.plain[str(response.status)] += 1

    async def retrying(self, client: AsyncClient) -> None:
        """Call `predict` until the end."""
        series, expected = self.golden.series[:1], self.golden.probabilities[:1]
        while time.monotonic() < self.end:
            try:
                found = await client.predict(series)
            except ClientError:
                self.seen.lost += 1
                continue
            is_right = np.allclose(found.probabilities, expected, atol=self.golden.tolerance)
            self.seen.answered += is_right
            self.seen.lost += not is_right

    def on_retry(self, _: Retry) -> None:
        """Count it."""
        self.seen.again += 1


async def kill_under_load(port: int, victim: int, golden: Golden, *, seconds: float) -> Outcome:
    """Send series from both clients, and kill a process meanwhile.

    Args:
        port: of the server.
        victim: process id.
        golden: whose series are sent, one a request.
        seconds: duration of the load.
    """
    clients = _Clients(port, golden, time.monotonic() + seconds)
    async with AsyncClient(f"http://127.0.0.1:{port}", on_retry=clients.on_retry) as client:
        callers = [clients.plain() for _ in range(CALLERS)]
        callers += [clients.retrying(client) for _ in range(CALLERS)]
        load = asyncio.gather(*callers)
        await asyncio.sleep(BEFORE)
        os.kill(victim, signal.SIGKILL)
        await load
    return clients.seen
