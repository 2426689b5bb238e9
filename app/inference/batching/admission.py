"""Admission control: which items enter the queue, leave it early, and form the next batch.

An item is refused at once or gets a result or an error, at the latest at its deadline.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Generic, TypeVar

from app.errors import AppError, ContractViolation, DeadlineExceeded, NotReady, QueueFull
from app.inference.batching.observer import BatchObserver
from app.inference.batching.queue import Entry, EntryQueue
from app.inference.batching.throughput import ThroughputEstimator
from app.system.deadlines import DeadlineTimer

T = TypeVar("T")
R = TypeVar("R")


class Admission(Generic[T, R]):
    """Handles an item from its arrival to the start of its batch.

    Args:
        max_rows: most rows in a batch, and so in an item.
        max_queue_rows: most rows in the queue.
        max_queue_seconds: longest estimated time until the batch of an item starts. The first item in an
            empty queue is admitted whatever the estimate.
        halve_above: rows above which a batch takes at most half of the rows that are queued or were in the
            batch before, whose clients may send again. While it runs, the event loop reads and answers the
            other half. If batches took all rows, engine and event loop would wait for each other. None: take
            all.
        unready: returns why no item is admitted now; None if items are.
        observer: receives events.
        clock: measures waits.
        throughput: estimates when the batch of an item starts.

    Attributes:
        queue: entries that wait.
        batch: entries of the running batch; the caller of `take` clears it.
    """

    def __init__(
        self,
        *,
        max_rows: int,
        max_queue_rows: int,
        max_queue_seconds: float,
        halve_above: int | None,
        unready: Callable[[], str | None],
        observer: BatchObserver,
        clock: Callable[[], float],
        throughput: ThroughputEstimator,
    ) -> None:
        self.queue = EntryQueue[T, R]()
        self.batch: list[Entry[T, R]] = []
        self._loop: asyncio.AbstractEventLoop
        self._deadline_timer: DeadlineTimer
        self._max_rows = max_rows
        self._max_queue_rows = max_queue_rows
        self._max_queue_seconds = max_queue_seconds
        self._halve_above = halve_above
        self._rows_before = 0  # in the last batch
        self._unready = unready
        self._observer = observer
        self._clock = clock
        self._throughput = throughput
        self._last_queue_full: tuple[str, QueueFull] | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use the clock of this loop for deadlines. Until then `unready` must return a reason."""
        self._loop = loop
        self._deadline_timer = DeadlineTimer(loop, self._expire_due)

    def admit(self, item: T, *, rows: int, deadline: float) -> Entry[T, R]:
        """Append an item to the queue; raises as `MicroBatcher.admit` does."""
        self._check(rows, deadline)
        entry: Entry[T, R] = Entry(item, rows, deadline, self._clock(), self._loop.create_future())
        self._observer.admitted(rows=rows)
        self.queue.add(entry)
        self._deadline_timer.watch(deadline)
        return entry

    def refusal(self) -> AppError | None:
        """The error for a new request, counted as refused; None if one row would be admitted.

        The same object is returned to all requests: under overload thousands arrive during one batch.
        """
        if unready := self._unready():
            return self._refused(1, "not_ready", NotReady(unready))
        reason = self._queue_full_reason(1, math.inf)
        if reason is None:
            return None
        if self._last_queue_full is None or self._last_queue_full[0] != reason:
            self._last_queue_full = reason, self._queue_full(reason, 1, math.inf)
        return self._refused(1, *self._last_queue_full)

    def take(self) -> list[Entry[T, R]]:
        """Move what fits from the head of the queue into the batch; no item is split or overtaken.

        Entries that are cancelled or expire in this turn of the loop are still in the queue: their callback
        or timer runs later in the turn.
        """
        now, room, rows = self._loop.time(), self._room(), 0
        self._last_queue_full = None
        while self.queue:
            entry = self.queue.head
            if entry.future.done():
                self.remove(entry, "cancelled")
            elif entry.deadline <= now:
                self._expire(entry)
            elif rows + entry.rows <= room or not self.batch:  # half may be less than one item
                rows += entry.rows
                self.queue.remove(entry)
                self.batch.append(entry)
            else:
                break
        self._rows_before = rows or self._rows_before
        return self.batch

    def remove(self, entry: Entry[T, R], reason: str) -> None:
        """Remove an entry from the queue, if it is still there."""
        if entry in self.queue:
            self.queue.remove(entry)
            self._observer.dropped(rows=entry.rows, reason=reason)

    def fail_all(self) -> None:
        """Fail all entries, queued or in the batch, with `NotReady`."""
        self._deadline_timer.cancel()
        queued = self.queue.clear()
        for entry in [*self.batch, *queued]:
            entry.fail(NotReady("the service stopped before the prediction was ready"))
        for entry in queued:
            self._observer.dropped(rows=entry.rows, reason="closed")

    def _room(self) -> int:
        """The most rows of the next batch, unless its first item has more."""
        if self._halve_above is None:
            return self._max_rows
        half = math.ceil((self.queue.rows + self._rows_before) / 2)
        return min(self._max_rows, max(self._halve_above, half))

    def _check(self, rows: int, deadline: float) -> None:
        if rows < 1:
            raise ValueError(f"an item has at least one row, not {rows}")
        if rows > self._max_rows:
            message = f"{rows} series; at most {self._max_rows} a request"
            raise self._refused(rows, "too_large", ContractViolation([("instances", message)]))
        if unready := self._unready():
            raise self._refused(rows, "not_ready", NotReady(unready))
        left = deadline - self._loop.time()
        if left <= 0:
            raise self._refused(rows, "expired", DeadlineExceeded("the deadline had passed on arrival"))
        if reason := self._queue_full_reason(rows, left):
            raise self._refused(rows, reason, self._queue_full(reason, rows, left))

    def _refused(self, rows: int, reason: str, error: AppError) -> AppError:
        self._observer.refused(rows=rows, reason=reason)
        return error

    def _queue_full_reason(self, rows: int, left: float) -> str | None:
        """Why rows with `left` seconds to their deadline cannot join the queue now; None if they can."""
        queued = self.queue.rows
        if queued + rows > self._max_queue_rows:
            return "full"
        if not queued:  # even if the estimate is wrong, the engine has work
            return None
        wait = self._throughput.wait(queued)
        if wait > self._max_queue_seconds:
            return "queue_time"
        return "deadline" if wait > left else None

    def _queue_full(self, reason: str, rows: int, left: float) -> QueueFull:
        """The error, with the seconds until there is room and the wait is short enough."""
        queued, wait = self.queue.rows, self._throughput.wait(self.queue.rows)
        over = queued + rows - self._max_queue_rows
        room = self._throughput.wait(over - 1) if over > 0 else 0.0
        short_enough = wait - min(self._max_queue_seconds, left)
        retry_after = math.ceil(max(1.0, room, short_enough))  # HTTP counts whole seconds
        match reason:
            case "full":
                why = f"no room for {rows:,} more (MAX_QUEUE_ROWS={self._max_queue_rows})"
            case "queue_time":
                why = f"more would start in {wait:.2f} s (MAX_QUEUE_SECONDS={self._max_queue_seconds:g})"
            case _:
                why = f"more would start in {wait:.2f} s, and the deadline of this request is in {left:.2f} s"
        message = f"{queued:,} series wait: {why}; try again in {retry_after:g} s"
        return QueueFull(message, retry_after=retry_after)

    def _expire_due(self, now: float) -> float:
        """Fail all entries whose deadline has passed; returns the earliest deadline of the others."""
        earliest = math.inf
        for entry in (*self.batch, *self.queue):
            if entry.future.done():
                continue
            if entry.deadline <= now:
                self._expire(entry)
            else:
                earliest = min(earliest, entry.deadline)
        return earliest

    def _expire(self, entry: Entry[T, R]) -> None:
        where = "in the queue" if entry in self.queue else "in the engine"
        entry.fail(DeadlineExceeded(f"the deadline passed while the request was {where}"))
        self.remove(entry, "expired")
