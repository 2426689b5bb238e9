"""A batcher with an engine that takes its time on the loop's own clock, to test admission by time with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from app.errors import QueueFull
from app.inference.batching import Entry, MicroBatcher
from tests.app.inference.batching.stepping import Seen, SteppedLoop

FULL = 8  # rows of a full batch
PATIENT = 100_000.0  # seconds: a deadline that plays no part


class Item(NamedTuple):
    """What the engine below computes."""

    rows: int


@dataclass
class Plant:
    """A batcher with an engine that takes its time on the loop's own clock.

    Attributes:
        fixed: seconds of any batch.
        row: seconds of each of its rows.
        seen: what the batcher told.
        starts: when the batch of each item began, in order of arrival.
        busy: whether a batch runs.
    """

    loop: SteppedLoop
    fixed: float
    row: float
    seen: Seen
    starts: list[float] = field(default_factory=list)
    busy: bool = False
    batcher: MicroBatcher[Item, float] = field(init=False)

    async def run(self, items: Sequence[Item]) -> Sequence[float]:
        """What the batcher calls."""
        self.starts += [self.loop.time()] * len(items)
        self.busy = True
        await asyncio.sleep(self.seconds(sum(item.rows for item in items)))
        self.busy = False
        return [0.0] * len(items)

    def seconds(self, rows: int) -> float:
        """Of a batch."""
        return self.fixed + self.row * rows

    def admit(self, rows: int = 1, *, within: float = PATIENT) -> Entry[Item, float]:
        """Put an item into the queue, or raise what it is told."""
        return self.batcher.admit(Item(rows), rows=rows, deadline=self.loop.time() + within)

    def refusal(self, rows: int = 1, *, within: float = PATIENT) -> QueueFull | None:
        """Why an item was refused; None if it was admitted."""
        try:
            entry = self.admit(rows, within=within)
            entry.future.add_done_callback(lambda caller: caller.exception())  # or the loop complains of it
        except QueueFull as error:
            return error
        return None

    async def fill(self, batches: int) -> None:
        """Put so many full batches into the queue behind one that runs, whatever the pace says."""
        self.admit()
        await self.loop.idle()
        for _ in range(batches):
            if self.refusal(FULL) is not None:
                raise AssertionError("refused before the test began")

    async def measure(self) -> None:
        """Run enough full batches for the pace to be known, and end with an empty queue."""
        await self.fill(4)
        await self.empty()
        self.starts.clear()
        self.seen.events.clear()

    async def empty(self) -> None:
        """Let everything that waits be computed."""
        await self.loop.idle()
        while self.busy or self.batcher.queued_rows:
            await self.loop.advance(self.loop.timers()[0] - self.loop.time())

    @property
    def reasons(self) -> list[object]:
        """Of all that was refused."""
        return [refused["reason"] for refused in self.seen.of("refused")]


async def slow_by_rows(items: Sequence[Item]) -> Sequence[None]:
    """An engine that computes 10,000 rows/s."""
    await asyncio.sleep(sum(item.rows for item in items) / 10_000)
    return [None] * len(items)


@asynccontextmanager
async def started(
    loop: SteppedLoop,
    *,
    fixed: float = 0.0,
    row: float = 0.0125,
    limit: float = 1.0,
    max_queue_rows: int = 1_000_000,
    halve_above: int | None = None,
    seen: Seen | None = None,
) -> AsyncIterator[Plant]:
    """A plant that runs: by default 0.1 s for a full batch."""
    plant = Plant(loop, fixed, row, seen or Seen())
    plant.batcher = MicroBatcher(
        plant.run,
        max_rows=FULL,
        max_queue_rows=max_queue_rows,
        max_queue_seconds=limit,
        halve_above=halve_above,
        observer=plant.seen,
        clock=loop.time,
    )
    plant.batcher.start()
    try:
        yield plant
    finally:
        await plant.empty()
        await plant.batcher.close(timeout=0)
