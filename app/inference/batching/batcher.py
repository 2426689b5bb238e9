"""The micro-batcher: many callers, one engine, one batch at a time.

A caller submits an item of some rows and waits for its own result. One task takes what waits, in the
order it came, and runs it as a batch; whatever arrives meanwhile is for the next one. So batches grow with
the load and nobody waits for a clock. What it promises is listed, name by name, in
`tests/app/inference/batching/test_batcher.py`, and in `test_admission_time.py` and `test_pace.py` what is
refused because it would wait too long.

It must not know numpy, HTTP, metrics or an engine: `run` is any call that gives one result per item, and
whoever wants to count passes an observer. All of it lives on one event loop; nothing here is thread-safe.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from app.errors import AppError, EngineError
from app.inference.batching.admission import Admission
from app.inference.batching.backlog import Entry
from app.inference.batching.observer import Answer, BatchObserver, NullObserver
from app.inference.batching.pace import Pace

T = TypeVar("T")
R = TypeVar("R")

_logger = logging.getLogger(__name__)


class MicroBatcher(Generic[T, R]):
    """Runs the items of many callers in batches of up to `max_rows` rows, one batch at a time.

    Args:
        run: computes a batch: gets its items in order of arrival, gives one result per item.
        max_rows: most rows in a batch, and so in an item.
        max_queue_rows: most rows that wait, not counting the batch that runs; at least `max_rows`.
        max_queue_seconds: longest time in the queue, as the measured pace of the batches forecasts it, with
            which an item is admitted.
        max_wait: seconds after its first item's arrival for which a batch that is not full waits for more,
            though the engine is free. Zero waits for nothing and is right for nearly everyone.
        halve_above: rows above which a batch takes no more than half of those who are there; see `Admission`.
        stall_after: seconds after which a batch that still runs turns `stalled` on.
        observer: told what happens. It must not raise: that stops the batcher.
        clock: measures durations. It is not the event loop's clock, which in uvloop counts milliseconds.
    """

    def __init__(
        self,
        run: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        max_rows: int,
        max_queue_rows: int,
        max_queue_seconds: float = math.inf,
        max_wait: float = 0.0,
        halve_above: int | None = None,
        stall_after: float = 30.0,
        observer: BatchObserver | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if not 1 <= max_rows <= max_queue_rows:
            raise ValueError(f"1 <= max_rows <= max_queue_rows, not max_rows={max_rows}, {max_queue_rows=}")
        self._run = run
        self._max_rows = max_rows
        self._max_wait = max_wait
        self._gather_rows = 0
        self._stall_after = stall_after
        self._observer = NullObserver() if observer is None else observer
        self._clock = clock
        self._pace = Pace(clock, max_rows=max_rows)
        self._admission = Admission[T, R](
            max_rows=max_rows,
            max_queue_rows=max_queue_rows,
            max_queue_seconds=max_queue_seconds,
            halve_above=halve_above,
            unready=self._unready,
            observer=self._observer,
            clock=clock,
            pace=self._pace,
        )
        self._queue = self._admission.queue

        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[None] | None = None
        self._wake: asyncio.Future[None] | None = None
        self._wake_at_rows = 1
        self._closing = False
        self._failure: str | None = None

    @property
    def queued_rows(self) -> int:
        """Rows that wait, not counting the batch that runs."""
        return self._queue.rows

    @property
    def failure(self) -> str | None:
        """Why it no longer works, for good; None while it does."""
        return self._failure

    @property
    def stalled(self) -> bool:
        """Whether the batch that runs now has run for longer than `stall_after`."""
        return self._pace.seconds > self._stall_after

    def start(self, *, gather_rows: int = 0) -> None:
        """Start to run batches on the running event loop. A batcher starts once.

        Args:
            gather_rows: of a batch up to so many rows `run` computes on the event loop itself. Then whoever
                has come already is let in first, as the loop would read them next anyway.
        """
        if self._task is not None or self._closing:
            raise RuntimeError("a MicroBatcher starts once, before it is closed")
        self._gather_rows = gather_rows
        self._loop = asyncio.get_running_loop()
        self._admission.start(self._loop)
        self._task = self._loop.create_task(self._serve(), name="micro-batcher")
        self._task.add_done_callback(self._stopped)

    async def submit(self, item: T, *, rows: int, deadline: float) -> Answer[R]:
        """Wait for the result of an item of `rows` rows; cancelling the call takes the item out.

        Args:
            item: what `run` gets.
            rows: how much of a batch the item takes up.
            deadline: when to give up, absolute, on the clock of `loop.time()`.

        Raises:
            EngineError: the item's batch failed; what `run` raised is its cause.
            AppError: as `admit` raises and its entry's caller is told.
        """
        entry = self.admit(item, rows=rows, deadline=deadline)
        try:
            return await entry.caller
        finally:
            self._admission.leave(entry, "cancelled")  # whoever was told anything has left the queue before
            del entry  # holds the error, whose traceback holds this frame: garbage that outlives the request

    def admit(self, item: T, *, rows: int, deadline: float) -> Entry[T, R]:
        """Put an item into the queue at once; `submit` for those who need no coroutine.

        Returns:
            What waits. Its `caller` gets the result, or the exception that `submit` would raise: `NotReady`,
            `DeadlineExceeded` or `EngineError`.

        Raises:
            ContractViolation: the item has more than `max_rows` rows.
            QueueFull: there is no room, or the wait would be too long.
            DeadlineExceeded: the deadline has passed.
            NotReady: the batcher is not started, closing, closed or broken.
        """
        entry = self._admission.admit(item, rows=rows, deadline=deadline)
        if self._queue.rows >= self._wake_at_rows:
            self._wake_up()
        return entry

    def withdraw(self, entry: Entry[T, R]) -> None:
        """Nobody waits for an entry any more: it leaves the queue, and harms nobody if it is in a batch."""
        entry.caller.cancel()
        self._admission.leave(entry, "cancelled")

    def refusal(self) -> AppError | None:
        """What whoever comes now is to be told, and is counted as refused for; None if one row has room."""
        return self._admission.refusal()

    async def close(self, *, timeout: float) -> None:
        """Admit nothing more, finish what was admitted within `timeout` seconds, then fail the rest.

        May be called again, and by several tasks at once.
        """
        self._closing = True
        self._wake_up()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=timeout)
        if not self._task.done():
            self._admission.abandon()
            self._task.cancel()
            # Time to notice and no more: a `run` that ignores its cancellation must not hold up the exit.
            await asyncio.wait({self._task}, timeout=0)

    def _unready(self) -> str | None:
        if self._failure is not None:
            return "the service is broken and needs a restart"
        if self._closing:
            return "the service is shutting down"
        return "the service is starting" if self._task is None else None

    async def _serve(self) -> None:
        while self._queue or not self._closing:
            await self._wait_for(1)
            await self._gather()
            if self._queue and self._max_wait > 0:
                waited = self._clock() - self._queue.head.admitted
                await self._wait_for(self._max_rows, at_most=self._max_wait - waited)
            if batch := self._admission.take():
                await self._run_batch(batch)
            else:
                self._pace.stop()

    async def _gather(self) -> None:
        """Let in whoever is at the door: as long as a turn of the loop brings more, and they are few."""
        rows = 0
        while rows < self._queue.rows < self._gather_rows and not self._closing:
            rows = self._queue.rows
            await asyncio.sleep(0)

    async def _wait_for(self, rows: int, *, at_most: float = math.inf) -> None:
        """Sleep until so many rows are queued, so many seconds have passed, or the batcher closes."""
        if self._queue.rows >= rows or at_most <= 0 or self._closing:
            return
        self._wake_at_rows, self._wake = rows, self._loop.create_future()
        timer = None if at_most == math.inf else self._loop.call_later(at_most, self._wake_up)
        try:
            await self._wake
        finally:
            self._wake = None
            if timer is not None:
                timer.cancel()

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _run_batch(self, batch: list[Entry[T, R]]) -> None:
        rows = sum(entry.rows for entry in batch)
        began = self._pace.begin(rows)
        for entry in batch:
            self._observer.queued(rows=entry.rows, seconds=began - entry.admitted)
        results = await self._compute([entry.item for entry in batch])
        seconds = self._pace.end(queued=self._queue.rows)
        if failed := isinstance(results, BaseException):
            for entry in batch:
                entry.fail(_engine_error(results))
        else:
            for entry, result in zip(batch, results, strict=True):
                entry.answer(Answer(result, began - entry.admitted, seconds, rows))
        self._observer.ran(rows=rows, items=len(batch), seconds=seconds, failed=failed)
        batch.clear()

    async def _compute(self, items: Sequence[T]) -> Sequence[R] | BaseException:
        """The results of a batch, or the exception that it failed with."""
        try:
            results = await self._run(items)
            if len(results) == len(items):
                return results
            return EngineError(f"the engine gave {len(results)} results for {len(items)} requests")
        except asyncio.CancelledError as error:
            if self._task is not None and self._task.cancelling():
                raise  # it is the batcher that is cancelled, not something within `run`
            return error
        except Exception as error:  # noqa: BLE001 - whatever an engine raises fails its batch alone
            return error

    def _stopped(self, task: asyncio.Task[None]) -> None:
        """The task has ended; unless that is what closing asked for, say why and tell everyone."""
        error = None if task.cancelled() else task.exception()
        if error is not None or not self._closing:
            self._failure = "the batching task was cancelled" if error is None else repr(error)
            _logger.critical("batching stopped: %s", self._failure, exc_info=error)
        self._pace.stop()
        self._admission.abandon()


def _engine_error(cause: BaseException) -> EngineError:
    """An error for one caller: a shared one would grow by the traceback of everyone who raises it."""
    known = isinstance(cause, EngineError)
    error = EngineError(str(cause) if known else f"the engine failed on this batch ({type(cause).__name__})")
    error.__cause__ = cause
    return error
