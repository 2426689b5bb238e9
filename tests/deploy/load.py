"""The load of the fault injection, for tests that wait in plain calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

from app.contract import Artifact
from app.settings import Settings
from qa.chaos import load
from qa.chaos.oracle import Outcome
from qa.chaos.workload import Workload

CONNECTIONS = 12
# Requests a second: steady, and leaves the machine room to start replicas.
RATE = 80.0
# An answer that comes later is a failure, whatever happens to a replica.
TIMEOUT: float = Settings.model_fields["request_timeout"].default


class Load:
    """While it is open, every connection asks one request after the other, and every answer is judged."""

    def __init__(self, port: int, artifact: Artifact) -> None:
        workload = Workload.of(artifact)
        requests = [*workload.mixed(), *(workload.json(40, seed=seed) for seed in range(8))]
        self._load = load.Load(port, workload, requests, connections=CONNECTIONS, rate=RATE, seconds=TIMEOUT)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Load:
        """Start all connections."""
        self._thread.start()
        self._wait(self._load.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every connection have its last answer."""
        try:
            self._wait(self._load.__aexit__(kind, error, trace))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    @property
    def failures(self) -> list[str]:
        """A line for each kind of request that failed, was refused, or was answered wrongly."""
        tally = self._load.request_log.tally()
        return [] if tally.answered == tally.sent else self._load.request_log.faults() or [str(tally)]

    def wait_for_responses(self, number: int, *, of: str) -> None:
        """Wait until a replica has given so many more right answers."""
        self._wait(self._load.wait_for_responses(number, of=of))

    def wait_for_all_connections(self) -> None:
        """Wait until every connection has got one more right answer."""
        self._wait(self._all_connections())

    async def _all_connections(self) -> None:
        before = len(self._load.request_log.entries)
        async with asyncio.timeout(60):
            while len(self._answered_since(before)) < CONNECTIONS:
                await asyncio.sleep(0.05)

    def _answered_since(self, before: int) -> set[int]:
        entries = self._load.request_log.entries[before:]
        return {entry.port for entry in entries if entry.verdict and entry.outcome is Outcome.ANSWERED}

    def _wait(self, waiting: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(waiting, self._loop).result()
