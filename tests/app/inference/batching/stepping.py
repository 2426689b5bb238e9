"""Fakes to test the batcher with: an event loop whose clock a test moves, an engine it steps by hand.

Nothing here sleeps. A test says "let everything run that can" and "move the clock by 3 s", so what
happens in which turn of the loop is the same every time. Whatever a test leaves behind fails it: a task,
a timer, an exception that nobody looked at, or a wait for something that can no longer happen.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, TypeVarTuple

from app.inference.batching import BatchResult, MicroBatcher

Args = TypeVarTuple("Args")


class _Selector(selectors.SelectSelector):
    """Waits for nothing; instead says when the loop would wait, that is, when no callback is ready."""

    def __init__(self, when_idle: Callable[[], None]) -> None:
        super().__init__()
        self._when_idle = when_idle

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._when_idle()
        return super().select(0)


class SteppedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still until `advance` moves it."""

    def __init__(self) -> None:
        super().__init__(_Selector(self._on_idle))
        self._now = 0.0
        self._timers: list[asyncio.TimerHandle] = []
        self._idle: asyncio.Future[None] | None = None
        self.complaints: list[str] = []
        self.set_exception_handler(lambda _, context: self.complaints.append(str(context)))

    def time(self) -> float:
        """Seconds since the loop was made, as far as the test has moved on."""
        return self._now

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Remember the timer, to step to it and to find it if it leaks."""
        timer = super().call_at(when, callback, *args, context=context)
        self._timers.append(timer)
        return timer

    def timers(self) -> list[float]:
        """When the timers go off that are neither cancelled nor past, in order."""
        self._timers = [t for t in self._timers if not t.cancelled() and t.when() > self._now]
        return sorted(timer.when() for timer in self._timers)

    async def idle(self) -> None:
        """Let everything run until nothing more can happen before the clock moves."""
        self._idle = self.create_future()
        await self._idle

    async def advance(self, seconds: float) -> None:
        """Move the clock on, stopping at each timer on the way so that each goes off at its own time."""
        end = self._now + seconds
        await self.idle()
        while (timers := self.timers()) and timers[0] <= end:
            self._now = timers[0]
            await self.idle()
        self._now = end
        await self.idle()

    def jump(self, seconds: float) -> None:
        """Move the clock on as a blocked loop would: nothing runs until the test waits for something."""
        self._now += seconds

    def _on_idle(self) -> None:
        if self._idle is None or self._idle.done():
            raise RuntimeError("the test waits for something that can no longer happen")
        self._idle.set_result(None)


def run_stepped(test: Callable[[SteppedLoop], Coroutine[Any, Any, None]]) -> None:
    """Run a test's coroutine on a loop of its own and fail on whatever it leaves behind."""
    loop = SteppedLoop()
    try:
        loop.run_until_complete(test(loop))
        loop.run_until_complete(loop.idle())
        left = [task.get_name() for task in asyncio.all_tasks(loop)]
        gc.collect(1)  # exceptions that nobody retrieved are reported by their collection
        assert (left, loop.timers(), loop.complaints) == ([], [], [])
    finally:
        loop.close()


def stepped(test: Callable[[SteppedLoop], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Make a plain test function of a coroutine function that takes a `SteppedLoop`."""

    def run() -> None:
        run_stepped(test)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class SteppedEngine:
    """An engine that records each batch when it starts and answers when the test says so.

    Attributes:
        batches: the items of every batch that was started, in order.
    """

    def __init__(self, when_started: Callable[[Sequence[str]], None] = lambda _: None) -> None:
        self.batches: list[list[str]] = []
        self._when_started = when_started
        self._answer: asyncio.Future[Sequence[str]] | None = None

    async def run(self, items: Sequence[str]) -> Sequence[str]:
        """What the batcher calls."""
        assert not self.busy, "two batches at a time"
        self.batches.append(list(items))
        self._when_started(items)
        self._answer = asyncio.get_running_loop().create_future()
        return await self._answer

    @property
    def busy(self) -> bool:
        """Whether a batch waits for the test to end it."""
        return self._answer is not None and not self._answer.done()

    def finish(self, results: Sequence[str] | None = None) -> None:
        """End the batch with these results, or with the right ones."""
        assert self._answer is not None
        right = [result_of(item) for item in self.batches[-1]]
        self._answer.set_result(right if results is None else results)

    def fail(self, error: BaseException) -> None:
        """End the batch with an error."""
        assert self._answer is not None
        self._answer.set_exception(error)

    def cancel(self) -> None:
        """End the batch as if something inside the engine had been cancelled."""
        assert self._answer is not None
        self._answer.cancel()


def result_of(item: str) -> str:
    """The right result of an item."""
    return f"result of {item}"


@dataclass
class Seen:
    """A `BatchObserver` that remembers everything it is told as `(event, details)`."""

    events: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def admitted(self, **details: object) -> None:
        """Remember."""
        self.events.append(("admitted", details))

    def refused(self, **details: object) -> None:
        """Remember."""
        self.events.append(("refused", details))

    def dropped(self, **details: object) -> None:
        """Remember."""
        self.events.append(("dropped", details))

    def queued(self, **details: object) -> None:
        """Remember."""
        self.events.append(("queued", details))

    def ran(self, **details: object) -> None:
        """Remember."""
        self.events.append(("ran", details))

    def of(self, event: str) -> list[Mapping[str, object]]:
        """The details of every event of one kind."""
        return [details for name, details in self.events if name == event]

    def rows(self, event: str) -> int:
        """The rows of every event of one kind, together."""
        return sum(int(str(details["rows"])) for details in self.of(event))


@dataclass
class Bench:
    """A started batcher with a stepped engine, an observer, and shorthands to talk to it."""

    loop: SteppedLoop
    batcher: MicroBatcher[str, str]
    engine: SteppedEngine
    seen: Seen

    def call(self, item: str, *, rows: int = 1, within: float = 1000.0) -> asyncio.Task[BatchResult[str]]:
        """A caller that submits an item in the loop's next turn, to be answered within some seconds."""
        deadline = self.loop.time() + within
        return self.loop.create_task(self.batcher.submit(item, rows=rows, deadline=deadline), name=item)

    async def calls(self, *items: str) -> list[asyncio.Task[BatchResult[str]]]:
        """Callers of one row each, all of which have come as far as they can."""
        tasks = [self.call(item) for item in items]
        await self.loop.idle()
        return tasks

    async def finish(self) -> None:
        """End the batch that runs with its right results and let everyone take note."""
        self.engine.finish()
        await self.loop.idle()


@asynccontextmanager
async def started(
    loop: SteppedLoop, *, max_rows: int = 4, gather_rows: int = 0, **options: Any
) -> AsyncIterator[Bench]:
    """A bench whose batcher is started, and closed at the end however the test left it."""
    engine, seen = SteppedEngine(), options.pop("observer", Seen())
    options = {"max_queue_rows": 8, "observer": seen, "clock": loop.time, **options}
    batcher = MicroBatcher(options.pop("run", engine.run), max_rows=max_rows, **options)
    batcher.start(gather_rows=gather_rows)
    try:
        yield Bench(loop, batcher, engine, seen)
    finally:
        await batcher.close(timeout=0)
