"""The micro-batcher: many requests, one engine, one batch at a time.

One task takes the queued items in order of arrival and runs them as a batch; what arrives meanwhile waits for
the next one. So batches grow with the load, and no item waits for a timer. The promises are tests by name in
`tests/app/inference/batching/test_batcher.py`, and for refusals by estimated wait in `test_admission_time.py`
and `test_throughput.py`.

It knows no numpy, HTTP, metrics or engine: `run` is any call that returns one result for each item, and an
observer receives events for metrics. It runs on one event loop; nothing here is thread-safe.
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
from app.inference.batching.background import BackgroundQueue
from app.inference.batching.failures import engine_error
from app.inference.batching.observer import BatchObserver, BatchResult, NullObserver
from app.inference.batching.queue import Entry
from app.inference.batching.throughput import ThroughputEstimator

T = TypeVar("T")
R = TypeVar("R")

_logger = logging.getLogger(__name__)


class MicroBatcher(Generic[T, R]):
    """Runs items in batches of up to `max_rows` rows, one batch at a time.

    Args:
        run: computes a batch: takes items in order of arrival, returns one result for each.
        max_rows: most rows in a batch, and so in an item.
        max_queue_rows: most rows in the queue, without the running batch; at least `max_rows`.
        max_queue_seconds: longest estimated time in the queue with which an item is admitted.
        max_wait: seconds that a batch that is not full waits for more items, counted from the arrival of its
            first one, though the engine is free. 0, not to wait, is right for most services.
        halve_above: rows above which a batch takes at most half of the rows there are; see `Admission`.
        stall_timeout: seconds after which a batch or chunk that still runs turns `stalled` on.
        background: chunks of work that run between batches; None for none.
        observer: receives events. It must not raise: that stops the batcher.
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
        stall_timeout: float = 30.0,
        background: BackgroundQueue | None = None,
        observer: BatchObserver | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if not 1 <= max_rows <= max_queue_rows:
            raise ValueError(f"1 <= max_rows <= max_queue_rows, not max_rows={max_rows}, {max_queue_rows=}")
        self._run = run
        self._max_rows = max_rows
        self._max_wait = max_wait
        self._gather_rows = 0
        self._stall_timeout = stall_timeout
        self._background = background
        self._observer = NullObserver() if observer is None else observer
        self._clock = clock
        self._throughput = ThroughputEstimator(clock, max_rows=max_rows)
        self._admission = Admission[T, R](
            max_rows=max_rows,
            max_queue_rows=max_queue_rows,
            max_queue_seconds=max_queue_seconds,
            halve_above=halve_above,
            unready=self._unready,
            observer=self._observer,
            clock=clock,
            throughput=self._throughput,
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
        """Rows in the queue, without the running batch."""
        return self._queue.rows

    @property
    def failure(self) -> str | None:
        """Why the batching task ended, for good; None while it runs."""
        return self._failure

    @property
    def stalled(self) -> bool:
        """Whether the running batch or chunk has taken longer than `stall_timeout`."""
        background = 0.0 if self._background is None else self._background.seconds
        return max(self._throughput.seconds, background) > self._stall_timeout

    def start(self, *, gather_rows: int = 0) -> None:
        """Start to run batches on the running event loop. A batcher starts once.

        Args:
            gather_rows: most rows of a batch that `run` computes on the event loop itself. Before such a
                batch, requests that the loop has received are admitted: it would read them next anyway.
        """
        if self._task is not None or self._closing:
            raise RuntimeError("a MicroBatcher starts once, before it is closed")
        self._gather_rows = gather_rows
        self._loop = asyncio.get_running_loop()
        self._admission.start(self._loop)
        if self._background is not None:
            self._background.start(self._loop, wake=self._wake_for_chunk, unready=self._unready)
        self._task = self._loop.create_task(self._serve(), name="micro-batcher")
        self._task.add_done_callback(self._stopped)

    async def submit(self, item: T, *, rows: int, deadline: float) -> BatchResult[R]:
        """Wait for the result of an item; cancelling the call removes the item.

        Args:
            item: passed to `run`.
            rows: of the item.
            deadline: absolute, on the clock of `loop.time()`.

        Raises:
            EngineError: the item's batch failed; what `run` raised is its cause.
            AppError: as `admit` raises, or sets on its entry's future.
        """
        entry = self.admit(item, rows=rows, deadline=deadline)
        try:
            return await entry.future
        finally:
            self._admission.remove(entry, "cancelled")  # does nothing if the future was set
            del entry  # holds the error, whose traceback holds this frame: garbage that outlives the request

    def admit(self, item: T, *, rows: int, deadline: float) -> Entry[T, R]:
        """Put an item into the queue without waiting for its result.

        Returns:
            The entry. Its `future` gets the result, or the exception that `submit` would raise: `NotReady`,
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

    def cancel(self, entry: Entry[T, R]) -> None:
        """Cancel an entry: it leaves the queue; the batch that it may be in continues."""
        entry.future.cancel()
        self._admission.remove(entry, "cancelled")

    def refusal(self) -> AppError | None:
        """The error for a new request, counted as refused; None if one row would be admitted."""
        return self._admission.refusal()

    async def close(self, *, timeout: float) -> None:
        """Stop admission, finish admitted items within `timeout` seconds, then fail the rest.

        May be called several times, also concurrently.
        """
        self._closing = True
        self._wake_up()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=timeout)
        if not self._task.done():
            self._fail_all()
            self._task.cancel()
            # One turn of the loop: a `run` that ignores its cancellation must not delay the exit.
            await asyncio.wait({self._task}, timeout=0)

    def _unready(self) -> str | None:
        if self._failure is not None:
            return "the batcher has failed; restart the service"
        if self._closing:
            return "the service is shutting down"
        return "the service is starting" if self._task is None else None

    async def _serve(self) -> None:
        while self._queue or self._background or not self._closing:
            if not self._background:
                await self._wait_for(1)
            if self._background and (not self._queue or self._background.is_due):
                await self._background.run_next()
                continue
            await self._gather()
            if self._queue and self._max_wait > 0:
                waited = self._clock() - self._queue.head.admitted
                await self._wait_for(self._max_rows, at_most=self._max_wait - waited)
            if batch := self._admission.take():
                await self._run_batch(batch)
            else:
                self._throughput.stop()

    async def _gather(self) -> None:
        """Admit received requests: while a turn of the loop adds some, up to `gather_rows`."""
        rows = 0
        while rows < self._queue.rows < self._gather_rows and not self._closing:
            rows = self._queue.rows
            await asyncio.sleep(0)

    async def _wait_for(self, rows: int, *, at_most: float = math.inf) -> None:
        """Sleep until `rows` are queued, `at_most` seconds have passed, or the batcher closes."""
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

    def _wake_for_chunk(self) -> None:
        """Wake up for an item in the background queue, unless a batch is waiting to be filled."""
        if self._wake_at_rows == 1:
            self._wake_up()

    async def _run_batch(self, batch: list[Entry[T, R]]) -> None:
        rows = sum(entry.rows for entry in batch)
        began = self._throughput.begin(rows)
        for entry in batch:
            self._observer.queued(rows=entry.rows, seconds=began - entry.admitted)
        results = await self._compute([entry.item for entry in batch])
        seconds = self._throughput.end(queued=self._queue.rows)
        if self._background:
            self._background.charge(seconds)
        if failed := isinstance(results, BaseException):
            for entry in batch:
                entry.fail(engine_error(results))
        else:
            for entry, result in zip(batch, results, strict=True):
                entry.resolve(BatchResult(result, began - entry.admitted, seconds, rows))
        self._observer.ran(rows=rows, items=len(batch), seconds=seconds, failed=failed)
        batch.clear()

    async def _compute(self, items: Sequence[T]) -> Sequence[R] | BaseException:
        """The results of a batch, or the exception that it failed with."""
        try:
            results = await self._run(items)
            if len(results) == len(items):
                return results
            return EngineError(f"the engine returned {len(results)} results for {len(items)} requests")
        except asyncio.CancelledError as error:
            if self._task is not None and self._task.cancelling():
                raise  # the batcher is cancelled, not something within `run`
            return error
        except Exception as error:  # noqa: BLE001 - whatever an engine raises fails its batch alone
            return error

    def _stopped(self, task: asyncio.Task[None]) -> None:
        """Fail all entries when the task ends, and log why if it was not closed."""
        error = None if task.cancelled() else task.exception()
        if error is not None or not self._closing:
            self._failure = "the batching task was cancelled" if error is None else repr(error)
            _logger.critical("batching stopped: %s", self._failure, exc_info=error)
        self._throughput.stop()
        self._fail_all()

    def _fail_all(self) -> None:
        self._admission.fail_all()
        if self._background is not None:
            self._background.fail_all()
