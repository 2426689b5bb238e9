"""The batcher under whatever can happen, in any order and in any turn of the loop, against a simple model.

The model knows who called in which order, who was cancelled and what the clock says. From that it
predicts exactly which items each batch holds, and which outcomes each caller may have.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import DeadlineExceeded, EngineError, NotReady, QueueFull
from app.inference.batching import BatchResult, MicroBatcher
from tests.app.inference.batching.stepping import Seen, SteppedEngine, SteppedLoop, result_of, run_stepped


@dataclass(eq=False)
class Caller:
    """One call of `submit` and all that the model knows about it."""

    name: str
    rows: int
    deadline: float
    was_cancelled: bool = False
    batch: int | None = None
    arrived_at: float = math.inf
    done_at: float = math.inf
    task: asyncio.Task[BatchResult[str]] = field(init=False)

    @property
    def waits(self) -> bool:
        """Whether it has called, is in no batch yet, and nothing has happened to it."""
        return self.batch is None and not self.was_cancelled and not self.task.done()


class World:
    """A batcher, its callers and its engine; checks every batch as it starts and every outcome at the end."""

    def __init__(
        self,
        loop: SteppedLoop,
        *,
        max_rows: int,
        spare: int,
        max_wait: float = 0.0,
        halve_above: int | None = None,
        gather_rows: int = 0,
    ) -> None:
        self.loop = loop
        self.max_rows, self.max_queue_rows, self.max_wait = max_rows, max_rows + spare, max_wait
        self.halve_above, self.rows_before = halve_above, 0
        self.callers: list[Caller] = []
        self.arrived: list[Caller] = []
        self.failed_batches: set[int] = set()
        self.closing_at = self.drained_by = math.inf
        self.closed = False
        self.was_blocked = False
        self.complaints: list[str] = []
        self.seen = Seen()
        self.engine = SteppedEngine(self.check_batch)
        self.batcher = MicroBatcher(
            self.engine.run,
            max_rows=max_rows,
            max_queue_rows=self.max_queue_rows,
            max_wait=max_wait,
            halve_above=halve_above,
            observer=self.seen,
            clock=loop.time,
        )
        self.batcher.start(gather_rows=gather_rows)

    # What can happen.

    async def arrive(self, *rows: int, within: float = 50.0) -> None:
        """A caller for each number of rows, all of whom submit in the loop's next turn."""
        for k in rows:
            caller = Caller(f"item {len(self.callers)}", min(k, self.max_rows), self.loop.time() + within)
            caller.task = self.loop.create_task(self.submit(caller))
            caller.task.add_done_callback(partial(self.note_end, caller))
            self.callers.append(caller)

    async def hurry(self, within: float, *rows: int) -> None:
        """Callers who have little time, or none."""
        await self.arrive(*rows, within=within)

    async def cancel(self, index: int) -> None:
        """Any caller is cancelled, wherever it is."""
        if self.callers:
            caller = self.callers[index % len(self.callers)]
            caller.was_cancelled |= caller.task.cancel()

    async def finish(self, how: str) -> None:
        """The batch that runs ends, well or not."""
        if not self.engine.busy:
            return
        if how != "right":
            self.failed_batches.add(len(self.engine.batches) - 1)
        match how:
            case "right":
                self.engine.finish()
            case "error":
                self.engine.fail(OSError("broken"))
            case "cancelled":
                self.engine.cancel()
            case _:
                self.engine.finish(["wrong"] * (len(self.engine.batches[-1]) + int(how)))

    async def close(self, timeout: float) -> None:
        """The batcher is closed, which ends whenever it ends."""
        self.closing_at = min(self.closing_at, self.loop.time())
        self.drained_by = min(self.drained_by, self.loop.time() + timeout)
        self.loop.create_task(self.batcher.close(timeout=timeout)).add_done_callback(self.note_closed)

    async def turn(self) -> None:
        """One turn of the loop passes."""
        await asyncio.sleep(0)

    async def block(self, seconds: float) -> None:
        """The loop is held up: the clock moves, and every timer is late."""
        self.was_blocked = True
        self.loop.jump(seconds)

    async def advance(self, seconds: float) -> None:
        """Time passes."""
        await self.loop.advance(seconds)
        self.check_rest()

    async def idle(self) -> None:
        """Everything that can happen without the clock happens."""
        await self.loop.idle()
        self.check_rest()

    # What must hold.

    def expect(self, holds: bool, complaint: str) -> None:
        """Note what does not hold: an assertion inside the batcher would look like an engine's error."""
        if not holds:
            self.complaints.append(f"at {self.loop.time()}: {complaint}")

    async def submit(self, caller: Caller) -> BatchResult[str]:
        """Submit; it is refused for lack of room if and only if there is no room.

        Behind others it may also be refused for its deadline; `test_admission_time.py` says when.
        """
        queued = self.batcher.queued_rows
        fits = queued + caller.rows <= self.max_queue_rows
        self.arrived.append(caller)
        caller.arrived_at = self.loop.time()
        try:
            answer = await self.batcher.submit(caller.name, rows=caller.rows, deadline=caller.deadline)
        except QueueFull as error:
            reason = self.seen.of("refused")[-1]["reason"]
            allowed = not fits if reason == "full" else reason == "deadline" and fits and queued > 0
            self.expect(allowed and error.retry_after >= 1, f"{caller.name} was refused: {error}")
            raise
        self.expect(fits, f"{caller.name} was admitted though there is no room")
        return answer

    def note_closed(self, _: object) -> None:
        """Once a call of `close` returns, nobody waits and nothing runs any more."""
        self.closed = True

    def note_end(self, caller: Caller, _: object) -> None:
        """Remember when a caller was told."""
        caller.done_at = self.loop.time()

    def check_batch(self, items: Sequence[str]) -> None:
        """A batch holds the longest run that fits of those who wait, in the order they came.

        Where it leaves half of them, those who have gone in this very turn may count, or not.
        """
        self.expect(not self.closed, f"{items} ran after the batcher was closed")
        waiting = [c for c in self.arrived if c.waits and c.deadline > self.loop.time()]
        least, most = (fitting(waiting, room) for room in (self.least_room(waiting), self.max_rows))
        batch = most[: len(items)]
        self.rows_before = sum(caller.rows for caller in batch)
        for caller in batch:
            caller.batch = len(self.engine.batches) - 1
        self.expect(list(items) == [caller.name for caller in batch], f"{items} ran, not {most}")
        self.expect(len(items) >= len(least), f"{items} ran, without others of {least}")

    def least_room(self, waiting: Sequence[Caller]) -> int:
        """For how many rows there is room in the next batch, at least."""
        if self.halve_above is None:
            return self.max_rows
        half = math.ceil((sum(caller.rows for caller in waiting) + self.rows_before) / 2)
        return min(self.max_rows, max(self.halve_above, half))

    def check_rest(self) -> None:
        """When nothing more can happen without the clock, nobody is late and no free engine has work."""
        now = self.loop.time()
        waiting = [caller for caller in self.arrived if caller.waits]
        rows = sum(caller.rows for caller in waiting)
        self.expect(self.batcher.queued_rows == rows <= self.max_queue_rows, f"{rows} rows wait")
        late = [caller for caller in self.callers if caller.deadline <= now and not caller.task.done()]
        self.expect(not late, f"not told of their deadline: {late}")
        self.expect(not (self.closed and waiting), f"the batcher is closed and {waiting} wait")
        filling = rows < self.max_rows and self.closing_at > now
        if waiting and not (filling and now < waiting[0].arrived_at + self.max_wait):
            self.expect(self.engine.busy, f"the engine is free and {waiting} wait")

    def check_end(self) -> None:
        """Every caller has one outcome that its story explains, and every row that came in went out."""
        for caller in self.callers:
            self.expect(self.explains(caller), f"{caller} ended so: {caller.task}")
        admitted, dropped, queued = (self.seen.rows(event) for event in ("admitted", "dropped", "queued"))
        self.expect(
            admitted == dropped + queued, f"{admitted} rows came, {dropped} were dropped and {queued} ran"
        )
        self.expect(self.batcher.queued_rows == 0, "rows are left in the queue")
        self.expect(self.batcher.failure is None, f"the batcher died: {self.batcher.failure}")

    def explains(self, caller: Caller) -> bool:
        """Whether what happened to a caller explains its outcome."""
        assert caller.task.done(), f"{caller} was never told"
        if caller.task.cancelled() or caller.was_cancelled:
            return caller.task.cancelled() and caller.was_cancelled
        match caller.task.exception():
            case None:
                right = caller.task.result().result == result_of(caller.name)
                return right and caller.batch is not None and caller.batch not in self.failed_batches
            case EngineError():
                return caller.batch in self.failed_batches
            case DeadlineExceeded():
                # Never early; and late only if nothing could be told in time.
                return caller.done_at == caller.deadline or (
                    self.was_blocked and caller.done_at > caller.deadline
                )
            case QueueFull():
                return caller.batch is None
            case NotReady():
                refused = caller.arrived_at >= self.closing_at and caller.batch is None
                return refused or caller.done_at >= self.drained_by
            case _:
                return False


def fitting(waiting: Sequence[Caller], room: int) -> list[Caller]:
    """The longest run that fits, and the first one in any case."""
    sums = accumulate(caller.rows for caller in waiting)
    return [
        caller for i, (caller, rows) in enumerate(zip(waiting, sums, strict=True)) if not i or rows <= room
    ]


Seconds = st.sampled_from([0.5, 1.0, 2.0, 3.0])
Rows = st.integers(1, 4)
Happening = st.one_of(
    st.tuples(st.just("arrive"), Rows),
    st.tuples(st.just("arrive"), Rows, Rows, Rows),
    st.tuples(st.just("hurry"), st.sampled_from([0.0, 1.0, 2.0, 4.0]), Rows, Rows),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("finish"), st.just("right")),
    st.tuples(st.just("finish"), st.sampled_from(["error", "cancelled", "-1", "1"])),
    st.tuples(st.just("turn")),
    st.tuples(st.just("idle")),
    st.tuples(st.just("block"), Seconds),
    st.tuples(st.just("advance"), Seconds),
)
Closing = st.tuples(st.just("close"), st.sampled_from([0.0, 1.0, 4.0]))


@settings(max_examples=300, deadline=None)
@given(
    max_rows=st.integers(1, 8),
    spare=st.integers(0, 8),
    max_wait=st.sampled_from([0.0, 2.0]),
    halve_above=st.sampled_from([None, 1, 2, 4]),
    gather_rows=st.integers(0, 6),
    before=st.lists(Happening, min_size=10, max_size=60),
    during=st.lists(st.one_of(Happening, Closing), max_size=12),
)
def test_every_item_gets_one_right_outcome(
    max_rows: int,
    spare: int,
    max_wait: float,
    halve_above: int | None,
    gather_rows: int,
    before: list[tuple[str, float]],
    during: list[tuple[str, float]],
) -> None:
    """Whatever happens in whatever order, batches are as promised and every caller is told what is right."""

    async def test(loop: SteppedLoop) -> None:
        world = World(
            loop,
            max_rows=max_rows,
            spare=spare,
            max_wait=max_wait,
            halve_above=halve_above,
            gather_rows=gather_rows,
        )
        for name, *details in [*before, ("close", 4.0), *during, ("advance", 4.0)]:
            await getattr(world, name)(*details)
        world.check_end()
        assert world.complaints == []

    run_stepped(test)


Unblocked = st.one_of(
    st.tuples(st.just("hurry"), st.integers(0, 12), Rows, Rows),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("finish"), st.sampled_from(["right", "error"])),
    st.tuples(st.just("idle")),
    st.tuples(st.just("advance"), Seconds),
)


@settings(max_examples=100, deadline=None)
@given(max_rows=st.integers(1, 8), happenings=st.lists(Unblocked, min_size=10, max_size=60))
def test_every_deadline_is_kept_on_time(max_rows: int, happenings: list[tuple[str, float]]) -> None:
    """With a loop that is never held up, at the deadline itself; and one timer is enough for all of them."""

    async def test(loop: SteppedLoop) -> None:
        world = World(loop, max_rows=max_rows, spare=24)
        for name, *details in happenings:
            await getattr(world, name)(*details)
            assert len(loop.timers()) <= 1
        await world.advance(20.0)
        assert all(caller.task.done() for caller in world.callers)
        await world.close(0.0)
        await world.idle()
        world.check_end()
        assert world.complaints == []

    run_stepped(test)


@pytest.mark.parametrize("busy", [False, True])
@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_every_item_is_served_with_time_and_room(busy: bool, rows: list[int]) -> None:
    """With room and time enough, everyone is served, in the order of arrival and in few batches."""

    async def test(loop: SteppedLoop) -> None:
        world = World(loop, max_rows=4, spare=48)
        if busy:
            await world.arrive(1)
            await world.idle()
        await world.arrive(*rows)
        await world.idle()
        while world.engine.busy:
            await world.finish("right")
            await world.idle()
        await world.close(0.0)
        await world.idle()
        world.check_end()
        order = [name for batch in world.engine.batches for name in batch]
        assert (world.complaints, order) == ([], [caller.name for caller in world.callers])
        assert Counter(type(caller.task.exception()) for caller in world.callers) == {
            type(None): len(world.callers)
        }

    run_stepped(test)
