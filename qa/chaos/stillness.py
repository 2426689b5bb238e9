"""Whether the client itself stood still: what it measured then is not the server's doing alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

# A pause that is worth a word: far longer than a busy machine makes a process wait.
NOTEWORTHY_SECONDS = 1.0
_TICK_SECONDS = 0.05


@dataclass(slots=True)
class Stillness:
    """The longest time in seconds for which this process's event loop did not turn."""

    longest: float = 0.0

    @property
    def words(self) -> list[str]:
        """What is to be said of it; nothing if it was short."""
        if self.longest < NOTEWORTHY_SECONDS:
            return []
        return [f"the client itself stood still for {self.longest:.1f} s: mind that in every time above"]


@asynccontextmanager
async def watching() -> AsyncIterator[Stillness]:
    """Watch this process's event loop while the block runs."""
    found = Stillness()

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
