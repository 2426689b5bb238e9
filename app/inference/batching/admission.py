"""Who is let in, who leaves early, and who is next: all that happens to an item before its batch runs.

A refusal is told at once, never waited for, and everyone who was let in is told something, at the latest at
the deadline.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Generic, TypeVar

from app.errors import AppError, ContractViolation, DeadlineExceeded, NotReady, QueueFull
from app.inference.batching.backlog import Backlog, Entry
from app.inference.batching.observer import BatchObserver
from app.inference.batching.pace import Pace
from app.system.deadlines import DeadlineTimer

T = TypeVar("T")
R = TypeVar("R")


class Admission(Generic[T, R]):
    """The way of an item from its caller to its batch.

    Args:
        max_rows: most rows in a batch, and so in an item.
        max_queue_rows: most rows that wait.
        max_queue_seconds: longest time until the batch of an item starts, as `pace` forecasts it. The first
            item in an empty queue is admitted whatever that says.
        halve_above: rows above which a batch takes no more than half of those who are there, who wait or were
            in the batch before and may come again: while it runs, its caller has the other half to read and
            to answer. If batches took all, either would wait for the other. None takes all.
        unready: why nobody is let in now; None if they are.
        observer: told what happens.
        clock: measures waits.
        pace: of the batches, to forecast when an item's batch starts.

    Attributes:
        queue: who waits.
        batch: who was taken for the batch that runs; whoever takes them empties it.
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
        pace: Pace,
    ) -> None:
        self.queue = Backlog[T, R]()
        self.batch: list[Entry[T, R]] = []
        self._loop: asyncio.AbstractEventLoop
        self._expiry: DeadlineTimer
        self._max_rows = max_rows
        self._max_queue_rows = max_queue_rows
        self._max_queue_seconds = max_queue_seconds
        self._halve_above = halve_above
        self._rows_before = 0  # in the batch that was taken last
        self._unready = unready
        self._observer = observer
        self._clock = clock
        self._pace = pace
        self._busy: tuple[str, QueueFull] | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deadlines are on the clock of this loop. Until then `unready` must let nobody in."""
        self._loop = loop
        self._expiry = DeadlineTimer(loop, self._expire_due)

    def admit(self, item: T, *, rows: int, deadline: float) -> Entry[T, R]:
        """Let an item in, at the end of the queue; raises as `MicroBatcher.admit` does."""
        self._check(rows, deadline)
        entry: Entry[T, R] = Entry(item, rows, deadline, self._clock(), self._loop.create_future())
        self._observer.admitted(rows=rows)
        self.queue.add(entry)
        self._expiry.watch(deadline)
        return entry

    def refusal(self) -> AppError | None:
        """What whoever comes now is to be told, and is counted as refused for; None if one row has room.

        Under overload thousands ask within one batch, so all of them get the same object.
        """
        if unready := self._unready():
            return self._refused(1, "not_ready", NotReady(unready))
        reason = self._busy_reason(1, math.inf)
        if reason is None:
            return None
        if self._busy is None or self._busy[0] != reason:
            self._busy = reason, self._queue_full(reason, 1, math.inf)
        return self._refused(1, *self._busy)

    def take(self) -> list[Entry[T, R]]:
        """Move what fits from the head of the queue into the batch; an item is never split or overtaken.

        Whoever is cancelled or expires in this very turn of the loop is still in the queue: its own wake-up
        or timer comes later in the turn.
        """
        now, room, rows = self._loop.time(), self._room(), 0
        self._busy = None
        while self.queue:
            entry = self.queue.head
            if entry.caller.done():
                self.leave(entry, "cancelled")
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

    def leave(self, entry: Entry[T, R], reason: str) -> None:
        """Take an entry out of the queue, if it is still there."""
        if entry in self.queue:
            self.queue.remove(entry)
            self._observer.left(rows=entry.rows, reason=reason)

    def abandon(self) -> None:
        """Tell everyone that there will be no answer."""
        self._expiry.cancel()
        queued = self.queue.clear()
        for entry in [*self.batch, *queued]:
            entry.fail(NotReady("the service stopped before the answer was there"))
        for entry in queued:
            self._observer.left(rows=entry.rows, reason="closed")

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
        if reason := self._busy_reason(rows, left):
            raise self._refused(rows, reason, self._queue_full(reason, rows, left))

    def _refused(self, rows: int, reason: str, error: AppError) -> AppError:
        self._observer.refused(rows=rows, reason=reason)
        return error

    def _busy_reason(self, rows: int, left: float) -> str | None:
        """Why rows whose deadline is in `left` seconds may not join the queue now; None if they may."""
        queued = self.queue.rows
        if queued + rows > self._max_queue_rows:
            return "full"
        if not queued:  # even if the forecast is wrong, the engine has work
            return None
        wait = self._pace.wait(queued)
        if wait > self._max_queue_seconds:
            return "queue_time"
        return "deadline" if wait > left else None

    def _queue_full(self, reason: str, rows: int, left: float) -> QueueFull:
        """What they are told. They may try again once there is room and the wait is short enough."""
        queued, wait = self.queue.rows, self._pace.wait(self.queue.rows)
        over = queued + rows - self._max_queue_rows
        room = self._pace.wait(over - 1) if over > 0 else 0.0
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
        """Tell all whose deadline has passed; the earliest deadline of those who still wait."""
        earliest = math.inf
        for entry in (*self.batch, *self.queue):
            if entry.caller.done():
                continue
            if entry.deadline <= now:
                self._expire(entry)
            else:
                earliest = min(earliest, entry.deadline)
        return earliest

    def _expire(self, entry: Entry[T, R]) -> None:
        where = "in the queue" if entry in self.queue else "in the engine"
        entry.fail(DeadlineExceeded(f"the deadline passed while the request was {where}"))
        self.leave(entry, "expired")
