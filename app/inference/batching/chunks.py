"""What the background queue holds: items of several chunks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from app.errors import AppError

R = TypeVar("R")

# Seconds that a chunk should take at most: how much longer a prediction may wait.
CHUNK_SECONDS = 0.002


class Chunk(NamedTuple, Generic[R]):
    """One call of the engine.

    Attributes:
        compute: the call; made once, on the engine's thread.
        rows: that it computes.
    """

    compute: Callable[[], R]
    rows: int


class BackgroundResult(NamedTuple, Generic[R]):
    """The results of an item.

    Attributes:
        results: of its chunks, in order.
        queued: seconds from admission to the start of its first chunk.
        ran: seconds that its chunks ran, in sum.
    """

    results: list[R]
    queued: float
    ran: float


@dataclass(eq=False, slots=True)
class BackgroundEntry(Generic[R]):
    """An admitted item: the chunks that have not started, and the results of those that have ended."""

    chunks: deque[Chunk[R]]
    rows: int
    deadline: float
    admitted: float
    future: asyncio.Future[BackgroundResult[R]]
    results: list[R] = field(default_factory=list)
    queued: float | None = None
    ran: float = 0.0

    def fail(self, error: AppError) -> None:
        """Set the error, unless the future is done or cancelled."""
        if not self.future.done():
            self.future.set_exception(error)
