"""The background queue: long work in short chunks, which run between the batches of predictions.

An item is a list of chunks, each a call of the engine that takes a few milliseconds. Chunks run while no
prediction waits, so that a prediction waits at most one chunk longer. If predictions always wait, chunks
still get a small share of the engine's time. Items take turns: a short one does not wait for a long one to
end. The promises are tests by name in `tests/app/inference/batching/test_background.py`.

`MicroBatcher` runs the chunks; it belongs to one event loop, and nothing here is thread-safe.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from app.errors import AppError, DeadlineExceeded, NotReady, QueueFull
from app.inference.batching.chunks import BackgroundEntry, BackgroundResult, Chunk
from app.inference.batching.failures import engine_error
from app.inference.batching.observer import BackgroundObserver, NullBackgroundObserver
from app.inference.batching.throughput import ThroughputEstimator
from app.system.deadlines import DeadlineTimer

R = TypeVar("R")


class BackgroundQueue:
    """Items that wait for the engine with a lower priority than predictions.

    Args:
        run: runs a call on the engine's thread.
        max_rows: most rows in the queue, without the running chunk.
        share: the part of the engine's time that chunks get while predictions always wait, above 0, below 1.
        observer: receives events. It must not raise: that stops the batcher.
        clock: measures durations.
    """

    def __init__(
        self,
        run: Callable[[Callable[[], Any]], Awaitable[Any]],
        *,
        max_rows: int,
        share: float,
        observer: BackgroundObserver | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if not 0 < share < 1:
            raise ValueError(f"0 < share < 1, not {share}")
        self._run = run
        self._max_rows = max_rows
        self._batch_seconds_a_chunk_second = 1 / share - 1
        self._observer = NullBackgroundObserver() if observer is None else observer
        self._clock = clock
        # Every row counts as a full batch: a chunk is measured whenever another waits behind it.
        self._throughput = ThroughputEstimator(clock, max_rows=1)
        self._entries: OrderedDict[BackgroundEntry[Any], None] = OrderedDict()
        self._running: BackgroundEntry[Any] | None = None
        self._owed = 0.0  # seconds for which batches run before a chunk runs though predictions wait
        self.rows = 0
        self._loop: asyncio.AbstractEventLoop
        self._deadline_timer: DeadlineTimer
        self._wake: Callable[[], None]
        self._unready: Callable[[], str | None] = lambda: "the service is starting"

    def __bool__(self) -> bool:
        """Whether an item waits."""
        return bool(self._entries)

    @property
    def is_due(self) -> bool:
        """Whether a chunk may run although predictions wait."""
        return self._owed <= 0

    @property
    def seconds(self) -> float:
        """How long the current chunk has been running; 0 if none is."""
        return self._throughput.seconds

    def start(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        wake: Callable[[], None],
        unready: Callable[[], str | None],
    ) -> None:
        """Admit items; the batcher calls this when it starts.

        Args:
            loop: deadlines are on its clock.
            wake: called when an item was admitted.
            unready: returns why no item is admitted now; None if items are.
        """
        self._loop, self._wake, self._unready = loop, wake, unready
        self._deadline_timer = DeadlineTimer(loop, self._expire_due)

    async def submit(self, chunks: Iterable[Chunk[R]], *, deadline: float) -> BackgroundResult[R]:
        """Wait for the results of an item; cancelling the call removes its remaining chunks.

        Args:
            chunks: run one at a time, in order.
            deadline: absolute, on the clock of `loop.time()`.

        Raises:
            QueueFull: there is no room, or the item would not be done before its deadline.
            DeadlineExceeded: the deadline has passed.
            NotReady: the batcher is not started, closing, closed or broken.
            EngineError: a chunk failed; what it raised is the cause.
        """
        entry = self.admit(chunks, deadline=deadline)
        try:
            return await entry.future
        finally:
            self._remove(entry, "cancelled")  # does nothing if the future was set
            del entry  # holds the error, whose traceback holds this frame

    def admit(self, chunks: Iterable[Chunk[R]], *, deadline: float) -> BackgroundEntry[R]:
        """Put an item into the queue without waiting: the first half of `submit`, with the same errors."""
        waiting = deque(chunks)
        rows = sum(chunk.rows for chunk in waiting)
        if not waiting or rows < 1:
            raise ValueError("an item has at least one chunk and one row")
        self._check(rows, deadline)
        entry = BackgroundEntry[R](waiting, rows, deadline, self._clock(), self._loop.create_future())
        self._observer.admitted(rows=rows)
        if not self._entries and self._running is None:
            self._throughput.stop()  # the next chunk does not follow the one before at once
        self._entries[entry] = None
        self.rows += rows
        self._deadline_timer.watch(deadline)
        self._wake()
        return entry

    def cancel(self, entry: BackgroundEntry[Any]) -> None:
        """Cancel an entry: its remaining chunks leave the queue."""
        entry.future.cancel()
        self._remove(entry, "cancelled")

    def charge(self, seconds: float) -> None:
        """Count the seconds of a batch that ran while items waited."""
        self._owed = max(0.0, self._owed - seconds)

    async def run_next(self) -> None:
        """Run the next chunk of the item whose turn it is, if one is left; called by the batcher's task."""
        entry = self._take()
        if entry is None:
            return
        chunk = entry.chunks.popleft()
        self._forget(entry, chunk.rows)
        began = self._throughput.begin(chunk.rows)
        if entry.queued is None:
            entry.queued = began - entry.admitted
        self._running = entry
        self._observer.started(rows=chunk.rows)
        outcome = await self._compute(chunk.compute)
        self._running = None
        seconds = self._throughput.end(queued=self.rows)
        self._owed = seconds * self._batch_seconds_a_chunk_second
        entry.ran += seconds
        self._observer.ran(rows=chunk.rows, seconds=seconds, failed=isinstance(outcome, BaseException))
        self._end_turn(entry, outcome)

    def fail_all(self) -> None:
        """Fail all entries, and the one whose chunk runs, with `NotReady`."""
        self._deadline_timer.cancel()
        self._throughput.stop()
        if self._running is not None:
            self._running.fail(_stopped())
        for entry in list(self._entries):
            entry.fail(_stopped())
            self._remove(entry, "closed")

    async def _compute(self, compute: Callable[[], Any]) -> Any:
        """The result of a chunk, or the exception that it failed with.

        It is not passed the entry: the exception's traceback would hold it, and it the exception.
        """
        try:
            return await self._run(compute)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the batcher is cancelled, not something within `run`
            return error
        except Exception as error:  # noqa: BLE001 - whatever an engine raises fails its item alone
            return error

    def _take(self) -> BackgroundEntry[Any] | None:
        """The item whose turn it is; those that are cancelled or have expired in this turn leave."""
        now = self._loop.time()
        for entry in list(self._entries):
            if entry.future.done():
                self._remove(entry, "cancelled")
            elif entry.deadline <= now:
                self._expire(entry)
            else:
                return entry
        return None

    def _end_turn(self, entry: BackgroundEntry[Any], outcome: Any) -> None:
        if entry.future.done():  # expired or cancelled meanwhile
            return
        if isinstance(outcome, BaseException):
            entry.fail(engine_error(outcome))
            self._remove(entry, "failed")
            return
        entry.results.append(outcome)
        if entry.chunks:
            self._entries.move_to_end(entry)
        else:
            entry.future.set_result(BackgroundResult(entry.results, entry.queued or 0.0, entry.ran))

    def _forget(self, entry: BackgroundEntry[Any], rows: int) -> None:
        """Count rows as no longer queued; an entry without further chunks leaves the queue."""
        entry.rows -= rows
        self.rows -= rows
        if not entry.chunks:
            del self._entries[entry]

    def _remove(self, entry: BackgroundEntry[Any], reason: str) -> None:
        """Remove an entry with its remaining chunks from the queue, if it is still there."""
        if entry in self._entries:
            del self._entries[entry]
            self.rows -= entry.rows
            self._observer.dropped(rows=entry.rows, reason=reason)
            entry.chunks.clear()

    def _check(self, rows: int, deadline: float) -> None:
        if unready := self._unready():
            raise self._refused(rows, "not_ready", NotReady(unready))
        left = deadline - self._loop.time()
        if left <= 0:
            raise self._refused(rows, "expired", DeadlineExceeded("the deadline had passed on arrival"))
        if self.rows + rows > self._max_rows:
            why = f"no room for {rows:,} more (BACKGROUND_QUEUE_ROWS={self._max_rows})"
            raise self._refused(rows, "full", self._queue_full(why, self.rows + rows - self._max_rows))
        wait = self._throughput.wait(self.rows + rows)
        if self.rows and wait > left:  # in an empty queue even if the estimate is wrong: it is then measured
            why = f"{rows:,} more would be done in {wait:.2f} s, and the deadline is in {left:.2f} s"
            raise self._refused(rows, "deadline", self._queue_full(why, self.rows))

    def _refused(self, rows: int, reason: str, error: AppError) -> AppError:
        self._observer.refused(rows=rows, reason=reason)
        return error

    def _queue_full(self, why: str, rows: int) -> QueueFull:
        """The error, with the seconds until so many rows have left the queue."""
        retry_after = math.ceil(max(1.0, self._throughput.wait(rows)))  # HTTP counts whole seconds
        message = f"{self.rows:,} series wait in the background: {why}; try again in {retry_after:g} s"
        return QueueFull(message, retry_after=retry_after)

    def _expire_due(self, now: float) -> float:
        """Fail all entries whose deadline has passed; returns the earliest deadline of the others."""
        earliest = math.inf
        running = [self._running] if self._running is not None else []
        for entry in (*running, *(entry for entry in self._entries if entry is not self._running)):
            if entry.future.done():
                continue
            if entry.deadline <= now:
                self._expire(entry)
            else:
                earliest = min(earliest, entry.deadline)
        return earliest

    def _expire(self, entry: BackgroundEntry[Any]) -> None:
        where = "in the background queue" if entry.queued is None else "being computed in the background"
        entry.fail(DeadlineExceeded(f"the deadline passed while the request was {where}"))
        self._remove(entry, "expired")


def _stopped() -> NotReady:
    return NotReady("the service stopped before the answer was ready")
