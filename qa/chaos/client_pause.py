"""Detects pauses of the client's own event loop, which lengthen the times that it measures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

# Reported from here on: far longer than a busy machine delays a process.
REPORTED_SECONDS = 1.0
_TICK_SECONDS = 0.05


@dataclass(slots=True)
class ClientPause:
    """Longest time in seconds that this process's event loop was blocked."""

    longest: float = 0.0

    @property
    def remarks(self) -> list[str]:
        """Remarks for the report; none if the pause was short."""
        if self.longest < REPORTED_SECONDS:
            return []
        return [f"the client's event loop was blocked for {self.longest:.1f} s; the times above include this"]


@asynccontextmanager
async def watch_event_loop() -> AsyncIterator[ClientPause]:
    """Watch this process's event loop while the block runs."""
    found = ClientPause()

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK_SECONDS)
            found.longest = max(found.longest, time.monotonic() - before - _TICK_SECONDS)

    task = asyncio.create_task(watch())
    try:
        yield found
    finally:
        task.cancel()
