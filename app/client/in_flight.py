"""Keeps several requests in flight, and returns their results in the order of the requests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

FIRST_SIZE, MAX_SIZE = 4, 32
# Results that wait for an earlier one; a request that is sent again may take seconds.
MAX_WAITING = 4 * MAX_SIZE
_DECREASE = 0.7
# Requests that should wait at the server, so that it always has the next one: TCP Vegas' alpha and beta
# (Brakmo et al., "TCP Vegas", SIGCOMM 1994).
_FEW_QUEUED, _MANY_QUEUED = 2.0, 4.0
# The share by which the least latency rises with each response.
_FORGETTING = 0.002


class InFlightLimit:
    """How many requests are in flight: more while latency stays low, fewer as it rises or after 429.

    Latency alone takes it down to `FIRST_SIZE`, where it is compared with a slowly rising least latency: a
    server may have become slower for good.

    The additive part compares latency with the least one seen, as TCP Vegas does: of `n` requests in flight,
    `n * (1 - least / latency)` wait in queues. The multiplicative part follows refusals.

    Attributes:
        size: most requests in flight.
    """

    def __init__(self) -> None:
        self._size = float(FIRST_SIZE)
        self._least = float("inf")
        self._in_flight_then = 0  # of the requests that were in flight at the last decrease

    @property
    def size(self) -> int:
        """Most requests in flight."""
        return int(self._size)

    def on_response(self, seconds: float, is_full: bool) -> None:
        """Adapt to a response.

        Args:
            seconds: that it took.
            is_full: whether it was 429.
        """
        self._in_flight_then -= 1
        if is_full:
            if self._in_flight_then < 0:  # the others tell nothing new
                self._in_flight_then = self.size
                self._size = max(1.0, self._size * _DECREASE)
            return
        if self._size <= FIRST_SIZE:  # with more, part of the latency is the client's own doing
            self._least *= 1 + _FORGETTING
        self._least = min(self._least, seconds)
        queued = self._size * (1 - self._least / max(seconds, 1e-9))
        if queued < _FEW_QUEUED:
            self._size = min(float(MAX_SIZE), self._size + 1 / self._size)
        elif queued > _MANY_QUEUED and self._size > FIRST_SIZE:
            self._size = max(float(FIRST_SIZE), self._size - 1 / self._size)


class InOrder(Generic[T, R]):
    """Sends items, several at a time, and returns the results in the order of the items.

    Call `put` for each item, then `take` until it returns nothing; `cancel` at the end or to stop early.

    Args:
        send: sends one item.
        limit: how many at a time.
    """

    def __init__(self, send: Callable[[T], Awaitable[R]], limit: InFlightLimit) -> None:
        self._send, self._limit = send, limit
        self._tasks: deque[asyncio.Future[R]] = deque()
        self._running = 0
        self._has_failed = False
        self._changed = asyncio.Event()

    async def put(self, item: T) -> list[R]:
        """Send an item once fewer than the limit are in flight; return results that are next in order.

        Raises:
            ClientError: an earlier item failed. Its predecessors' results were returned.
        """
        results: list[R] = []
        while True:
            results += self._done()
            has_room = self._running < self._limit.size and len(self._tasks) < MAX_WAITING
            if has_room and not self._has_failed:
                break
            if results and self._has_failed:
                return results  # the next call raises
            self._changed.clear()
            await self._changed.wait()
        task = asyncio.ensure_future(self._send(item))
        self._running += 1
        task.add_done_callback(self._on_done)
        self._tasks.append(task)
        return results

    async def take(self) -> list[R]:
        """Wait for the next results; none at the end.

        Raises:
            ClientError: the next item failed.
        """
        while self._tasks:
            if results := self._done():
                return results
            self._changed.clear()
            await self._changed.wait()
        return []

    async def cancel(self) -> None:
        """Stop what is in flight."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _on_done(self, task: asyncio.Future[R]) -> None:
        self._running -= 1
        self._has_failed = self._has_failed or task.cancelled() or task.exception() is not None
        self._changed.set()

    def _done(self) -> list[R]:
        """Results that are next in order; raises the error of the next item if that is the first one."""
        results: list[R] = []
        while self._tasks and self._tasks[0].done():
            if results and self._tasks[0].exception() is not None:
                break
            results.append(self._tasks.popleft().result())
        return results
