"""What the background queue promises, a test or more by the name of each promise."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.errors import DeadlineExceeded, EngineError, NotReady, QueueFull
from app.inference.batching import BackgroundQueue, BackgroundResult, BatchResult, Chunk, MicroBatcher
from tests.app.inference.batching.stepping import SteppedEngine, SteppedLoop, stepped

Answer = asyncio.Task[BackgroundResult[str]]


@dataclass
class Events:
    """A `BackgroundObserver` that remembers everything it is told."""

    events: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def __getattr__(self, event: str) -> Callable[..., None]:
        """The method that remembers an event."""
        return lambda **details: self.events.append((event, details))


@dataclass
class Shared:
    """A batcher with a background queue; both use one engine, which fails if it is called twice at a time."""

    loop: SteppedLoop
    engine: SteppedEngine
    background: BackgroundQueue
    batcher: MicroBatcher[str, str]
    seen: Events

    def explain(self, *names: str, rows: int = 1, within: float = 1000.0) -> Answer:
        """A caller whose item has a chunk for each name."""
        chunks = [Chunk(lambda name=name: name, rows) for name in names]  # type: ignore[misc]
        call = self.background.submit(chunks, deadline=self.loop.time() + within)
        return self.loop.create_task(call)

    def predict(self, item: str) -> asyncio.Task[BatchResult[str]]:
        """A caller of the batcher."""
        return self.loop.create_task(self.batcher.submit(item, rows=1, deadline=self.loop.time() + 1000.0))

    async def predictions_end(self, tasks: list[asyncio.Task[BatchResult[str]]]) -> None:
        """End whatever still runs."""
        while self.engine.busy:
            await self.finish()
        assert all(task.done() for task in tasks)

    async def finish(self, seconds: float = 0.0) -> None:
        """End what runs after some seconds."""
        await self.loop.advance(seconds)
        self.engine.finish()
        await self.loop.idle()


@asynccontextmanager
async def shared(
    loop: SteppedLoop, *, share: float = 0.25, room: int = 16, **options: Any
) -> AsyncIterator[Shared]:
    """A batcher with a background queue, started, and closed at the end however the test left it."""
    engine, seen = SteppedEngine(), Events()

    async def run(compute: Callable[[], str]) -> str:
        [result] = await engine.run([compute()])
        return result

    background = BackgroundQueue(run, max_rows=room, share=share, observer=seen, clock=loop.time)
    options = {"max_rows": 4, "max_queue_rows": 8, **options}
    batcher = MicroBatcher(engine.run, background=background, clock=loop.time, **options)
    batcher.start()
    try:
        yield Shared(loop, engine, background, batcher, seen)
    finally:
        await batcher.close(timeout=0)


# 1. Chunks run one at a time while no prediction waits; a prediction waits at most one chunk longer.


@stepped
async def test_chunks_run_in_order_while_no_prediction_waits(loop: SteppedLoop) -> None:
    """An idle engine runs the chunks of an item one after the other and returns their results in order."""
    async with shared(loop) as it:
        task = it.explain("a", "b", "c")
        await loop.idle()
        for seconds in (1.0, 2.0, 3.0):
            await it.finish(seconds)
        result = task.result()
        assert it.engine.batches == [["a"], ["b"], ["c"]]
        assert result == BackgroundResult(["result of a", "result of b", "result of c"], 0.0, 6.0)


@stepped
async def test_prediction_waits_for_at_most_one_chunk(loop: SteppedLoop) -> None:
    """A prediction that arrives during a chunk is the next to run; the other chunks follow."""
    async with shared(loop) as it:
        explanation = it.explain("a", "b")
        await loop.idle()
        prediction = it.predict("P")
        for _ in range(3):
            await it.finish(1.0)
        assert it.engine.batches == [["a"], ["P"], ["b"]]
        assert (prediction.result().queued, explanation.done()) == (1.0, True)


@stepped
async def test_chunk_does_not_start_a_batch_that_waits_to_be_filled(loop: SteppedLoop) -> None:
    """With `max_wait`, an item in the background does not cut that wait short."""
    async with shared(loop, max_wait=5.0) as it:
        prediction = it.predict("P")
        await loop.idle()
        explanation = it.explain("a")
        await loop.advance(4.0)
        assert it.engine.batches == []
        await loop.advance(1.0)
        assert it.engine.batches == [["P"]]
        await it.finish()
        await it.finish()
        assert (prediction.done(), explanation.done()) == (True, True)


# 2. While predictions always wait, chunks get their share of the engine's time and no more.


@stepped
async def test_share_while_predictions_always_wait(loop: SteppedLoop) -> None:
    """With a share of a quarter, three seconds of batches pass between chunks of one second."""
    async with shared(loop, share=0.25, max_rows=1, max_queue_rows=99) as it:
        tasks = [it.predict("P")]
        await loop.idle()
        explanation = it.explain(*"abcd")
        for _ in range(16):
            tasks.append(it.predict("P"))
            await it.finish(1.0)
        ran = "".join(item for [item] in it.engine.batches)
        assert ran == "PaPPPbPPPcPPPdPPP"
        assert explanation.done()
        await it.predictions_end(tasks)


@stepped
async def test_share_cannot_be_saved_up(loop: SteppedLoop) -> None:
    """Time in which no item waited earns no more than one chunk."""
    async with shared(loop, share=0.25, max_rows=1, max_queue_rows=99) as it:
        tasks = [it.predict("P")]
        await loop.idle()
        for _ in range(8):
            tasks.append(it.predict("P"))
            await it.finish(1.0)
        explanation = it.explain("a", "b")
        for _ in range(5):
            tasks.append(it.predict("P"))
            await it.finish(1.0)
        assert "".join(item for [item] in it.engine.batches)[-6:] == "PaPPPb"
        await it.predictions_end(tasks)
        assert explanation.done()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_share_is_a_fraction(share: float) -> None:
    """A queue that would never run, or always, cannot be made."""
    with pytest.raises(ValueError, match="0 < share < 1"):
        BackgroundQueue(lambda _: asyncio.sleep(0), max_rows=1, share=share)


# 3. Items take turns.


@stepped
async def test_items_take_turns(loop: SteppedLoop) -> None:
    """A short item that arrives behind a long one does not wait for it to end."""
    async with shared(loop) as it:
        long, short = it.explain("a", "b", "c", "d"), it.explain("x")
        await loop.idle()
        await it.finish()
        await it.finish()
        assert (short.done(), long.done()) == (True, False)
        for _ in range(3):
            await it.finish()
        assert it.engine.batches == [["a"], ["x"], ["b"], ["c"], ["d"]]
        assert long.done()


# 4. A full queue refuses at once, and so does one that would be too slow.


@stepped
async def test_full_background_queue_refuses_at_once(loop: SteppedLoop) -> None:
    """An item that does not fit is refused whole; predictions are admitted all the same."""
    async with shared(loop, room=4) as it:
        first = it.explain("a", "b", rows=2)
        await loop.idle()
        refused = it.explain("c", "d", rows=2)
        prediction = it.predict("P")
        await loop.idle()
        told = r"2 series wait in the background: no room for 4 more \(BACKGROUND_QUEUE_ROWS=4\)"
        with pytest.raises(QueueFull, match=told):
            refused.result()
        assert ("refused", {"rows": 4, "reason": "full"}) in it.seen.events
        for _ in range(3):
            await it.finish()
        assert (first.done(), prediction.done()) == (True, True)


@stepped
async def test_item_that_would_be_late_is_refused(loop: SteppedLoop) -> None:
    """Once chunks were measured, an item that would not be done before its deadline is refused at once."""
    async with shared(loop) as it:
        first = it.explain(*"abcdefgh")
        await loop.idle()
        for _ in range(4):
            await it.finish(1.0)
        late, in_time = it.explain("x", within=3.0), it.explain("y", within=6.0)
        await loop.idle()
        with pytest.raises(QueueFull, match=r"1 more would be done in 5.00 s, and the deadline is in 3.00 s"):
            late.result()
        for _ in range(5):
            await it.finish(1.0)
        assert (first.done(), in_time.done()) == (True, True)


@stepped
async def test_pause_between_items_does_not_count_as_slow(loop: SteppedLoop) -> None:
    """The time in which an emptied queue waited for another item is no measure of its speed."""
    async with shared(loop) as it:
        gone = it.explain("a", "b", "c")
        await loop.idle()
        await it.finish(1.0)
        await it.finish(1.0)
        gone.cancel()
        await it.finish(1.0)
        await loop.advance(5.0)
        tasks = [it.explain("d", "e", "f", within=1000.0)]
        await loop.idle()
        await it.finish(1.0)
        tasks.append(it.explain("g", within=4.5))
        for _ in range(3):
            await it.finish(1.0)
        assert all(task.done() and not task.exception() for task in tasks)


# 5. Deadlines are absolute; expired and cancelled items leave before they are computed.


@stepped
async def test_expired_item_leaves_the_background_queue(loop: SteppedLoop) -> None:
    """At its deadline an item's remaining chunks leave, whether or not one of them has run."""
    async with shared(loop) as it:
        running, waiting = it.explain("a", "b", within=5.0), it.explain("x", within=4.0)
        await loop.advance(4.0)
        with pytest.raises(DeadlineExceeded, match="in the background queue"):
            waiting.result()
        await loop.advance(1.0)
        with pytest.raises(DeadlineExceeded, match="being computed in the background"):
            running.result()
        assert it.background.rows == 0
        await it.finish()
        assert it.engine.batches == [["a"]]
        assert [details for name, details in it.seen.events if name == "dropped"] == [
            {"rows": 1, "reason": "expired"},
            {"rows": 1, "reason": "expired"},
        ]


@stepped
async def test_deadline_that_has_passed_on_arrival_is_refused(loop: SteppedLoop) -> None:
    """An item that arrives at its deadline is not admitted."""
    async with shared(loop) as it:
        with pytest.raises(DeadlineExceeded, match="on arrival"):
            it.background.admit([Chunk(str, 1)], deadline=loop.time())
        assert it.seen.events == [("refused", {"rows": 1, "reason": "expired"})]


@stepped
async def test_cancelled_item_leaves_the_background_queue(loop: SteppedLoop) -> None:
    """A cancelled caller's remaining chunks are not computed; others are."""
    async with shared(loop) as it:
        gone, stays = it.explain("a", "b"), it.explain("x")
        await loop.idle()
        gone.cancel()
        entry = it.background.admit([Chunk(lambda: "y", 1)], deadline=1000.0)
        it.background.cancel(entry)
        await loop.idle()
        assert (gone.cancelled(), it.background.rows) == (True, 1)
        await it.finish()
        await it.finish()
        assert it.engine.batches == [["a"], ["x"]]
        assert stays.result().results == ["result of x"]


@stepped
async def test_item_cancelled_in_the_turn_of_its_chunk_is_not_computed(loop: SteppedLoop) -> None:
    """An item whose future is done or late when its turn comes is left out, though nobody was told yet."""
    async with shared(loop) as it:
        first, gone = it.explain("a"), it.explain("x")
        late = it.explain("y", within=5.0)
        await loop.idle()
        it.engine.finish()
        gone.cancel()
        loop.jump(5.0)
        await loop.idle()
        assert it.engine.batches == [["a"]]
        assert (first.done(), gone.cancelled(), type(late.exception())) == (True, True, DeadlineExceeded)


# 6. An error of the engine fails that item alone.


@stepped
async def test_engine_error_fails_one_item_alone(loop: SteppedLoop) -> None:
    """The item's remaining chunks leave; other items and predictions are computed."""
    async with shared(loop) as it:
        broken, other = it.explain("a", "b"), it.explain("x")
        prediction = it.predict("P")
        await loop.advance(1.0)
        it.engine.fail(OSError("broken"))
        await loop.idle()
        with pytest.raises(EngineError, match=r"the engine failed on this batch \(OSError\)"):
            broken.result()
        await it.finish()
        await it.finish()
        assert it.engine.batches == [["a"], ["P"], ["x"]]
        assert (prediction.done(), other.result().results) == (True, ["result of x"])
        assert ("ran", {"rows": 1, "seconds": 1.0, "failed": True}) in it.seen.events


@stepped
async def test_cancellation_within_the_engine_fails_one_item_alone(loop: SteppedLoop) -> None:
    """It does not end the batcher."""
    async with shared(loop) as it:
        broken, other = it.explain("a"), it.explain("x")
        await loop.idle()
        it.engine.cancel()
        await loop.idle()
        with pytest.raises(EngineError, match="CancelledError"):
            broken.result()
        await it.finish()
        assert other.done()


# 7. If the loop dies, everyone is told; a stuck chunk turns liveness off.


@stepped
async def test_all_are_told_when_the_batcher_dies(loop: SteppedLoop) -> None:
    """Items, the running one included, get `NotReady`, and none is admitted afterwards."""
    async with shared(loop) as it:
        running, waiting = it.explain("a", "b"), it.explain("x")
        await loop.idle()
        assert it.batcher._task is not None
        it.batcher._task.cancel()
        await loop.idle()
        for task in (running, waiting):
            with pytest.raises(NotReady, match="stopped before"):
                task.result()
        with pytest.raises(NotReady, match="the batcher has failed"):
            it.background.admit([Chunk(str, 1)], deadline=1000.0)


@stepped
async def test_stuck_chunk_is_a_stall(loop: SteppedLoop) -> None:
    """A chunk that runs for longer than `stall_timeout` turns `stalled` on until it ends."""
    async with shared(loop, stall_timeout=5.0) as it:
        task = it.explain("a")
        await loop.advance(5.0)
        stalled = [it.batcher.stalled]
        await loop.advance(0.1)
        stalled.append(it.batcher.stalled)
        await it.finish()
        assert ([*stalled, it.batcher.stalled], task.done()) == ([False, True, False], True)


# 8. Closing stops admission, drains, then fails the rest.


@stepped
async def test_closing_finishes_admitted_items(loop: SteppedLoop) -> None:
    """Items that were admitted are computed within the timeout, behind predictions; new ones are refused."""
    async with shared(loop) as it:
        explanation, prediction = it.explain("a", "b"), it.predict("P")
        await loop.idle()
        closing = loop.create_task(it.batcher.close(timeout=10.0))
        await loop.idle()
        with pytest.raises(NotReady, match="shutting down"):
            it.background.admit([Chunk(str, 1)], deadline=1000.0)
        for _ in range(3):
            await it.finish(1.0)
        assert (explanation.done(), prediction.done(), closing.done()) == (True, True, True)


@stepped
async def test_closing_fails_what_is_left_at_the_timeout(loop: SteppedLoop) -> None:
    """Items that are not done then get `NotReady`, and nothing is left behind."""
    async with shared(loop) as it:
        tasks = [it.explain("a", "b"), it.explain("x")]
        await loop.idle()
        await it.batcher.close(timeout=0)
        await loop.idle()
        assert [type(task.exception()) for task in tasks] == [NotReady, NotReady]
        assert it.background.rows == 0


def test_queue_that_is_not_started_admits_nothing() -> None:
    """It belongs to a batcher, which starts it."""
    queue = BackgroundQueue(lambda _: asyncio.sleep(0), max_rows=1, share=0.1)
    with pytest.raises(NotReady, match="starting"):
        queue.admit([Chunk(str, 1)], deadline=1000.0)


def test_item_without_chunks_is_a_programming_error() -> None:
    """An item of no chunks is a `ValueError`."""
    queue = BackgroundQueue(lambda _: asyncio.sleep(0), max_rows=1, share=0.1)
    with pytest.raises(ValueError, match="at least one chunk"):
        queue.admit([], deadline=1000.0)


# 9. Nothing is kept alive by an item that has left.


@stepped
async def test_chunks_are_freed_with_their_item(loop: SteppedLoop) -> None:
    """However it ended: computed, failed, expired or cancelled, without a collection of garbage."""

    class Payload:
        pass

    async with shared(loop) as it:
        alive: list[weakref.ref[Payload]] = []

        def item(within: float = 1000.0) -> asyncio.Task[None]:
            payloads = [Payload(), Payload()]
            alive.extend(map(weakref.ref, payloads))
            chunks = [Chunk(lambda payload=payload: str(type(payload)), 1) for payload in payloads]  # type: ignore[misc]
            return loop.create_task(ended(it.background, chunks, within))

        gc.disable()
        try:
            tasks = [item(), item(), item(within=1.0), item()]
            await loop.idle()
            await loop.advance(1.0)
            tasks[3].cancel()
            await it.finish()
            it.engine.fail(OSError("broken"))
            await loop.idle()
            await it.finish()
            assert [task.done() for task in tasks] == [True] * 4
            assert [ref() for ref in alive] == [None] * 8
        finally:
            gc.enable()


async def ended(queue: BackgroundQueue, chunks: list[Chunk[str]], within: float) -> None:
    """Submit an item and forget how it ended."""
    try:
        await queue.submit(chunks, deadline=asyncio.get_running_loop().time() + within)
    except (EngineError, DeadlineExceeded, asyncio.CancelledError):
        return
