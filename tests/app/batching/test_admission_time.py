"""Admission by time: what the measured pace cannot start in time is refused, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.batching import Entry, MicroBatcher
from app.errors import DeadlineExceeded, QueueFull
from app.settings import Settings
from tests.app.batching.stepping import Seen, SteppedLoop, run_stepped, stepped

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
            entry.caller.add_done_callback(lambda caller: caller.exception())  # or the loop complains of it
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


@stepped
async def test_what_cannot_start_in_time_is_refused(loop: SteppedLoop) -> None:
    """At 0.1 s for a batch the queue takes 10 of them, which start within a second; the next is told why."""
    async with started(loop) as plant:
        await plant.measure()
        admitted, began = 0, loop.time()
        while (error := plant.refusal(FULL)) is None:
            admitted += 1
            await loop.idle()
        assert admitted == 11  # one runs
        assert plant.reasons == ["queue_time"]
        assert str(error) == (
            "80 series wait: more would start in 1.10 s (MAX_QUEUE_SECONDS=1); try again in 1 s"
        )
        await plant.empty()
        assert max(plant.starts) - began <= 1.0 + 1e-9


@stepped
async def test_with_default_limits_many_large_items_are_all_admitted(loop: SteppedLoop) -> None:
    """Callers of 32 full items, who come again as soon as they are answered, at 10,000 rows/s."""
    limits = Settings()
    batcher = MicroBatcher(
        slow_by_rows,
        max_rows=limits.max_batch_rows,
        max_queue_rows=limits.max_queue_rows,
        max_queue_seconds=limits.max_queue_seconds,
        clock=loop.time,
    )
    batcher.start()

    async def ask_again_and_again() -> None:
        for _ in range(10):
            await batcher.submit(Item(256), rows=256, deadline=loop.time() + limits.request_timeout)

    callers = [loop.create_task(ask_again_and_again()) for _ in range(32)]
    await loop.advance(10.0)
    assert [caller.exception() for caller in callers] == [None] * 32
    await batcher.close(timeout=0)


@stepped
async def test_before_anything_was_measured_nobody_is_refused_by_time(loop: SteppedLoop) -> None:
    """A burst at a fresh server is admitted as far as the rows allow."""
    async with started(loop) as plant:
        await plant.fill(100)
        assert plant.batcher.refusal() is None
        assert plant.reasons == []


@stepped
async def test_small_batches_do_not_tell_the_pace(loop: SteppedLoop) -> None:
    """A server that computed series one by one, 40 ms each, admits a burst that it computes in 0.6 s."""
    async with started(loop, fixed=0.04, row=0.0025) as plant:
        for _ in range(50):
            plant.admit()
            await loop.advance(0.05)
        began = loop.time()
        await plant.fill(10)
        assert plant.reasons == []
        await plant.empty()
        assert max(plant.starts) - began < 0.7


@stepped
async def test_time_between_batches_counts(loop: SteppedLoop) -> None:
    """Where the event loop needs as long as the engine for each batch, half as much is admitted."""

    class Busy(Seen):
        """An observer that stands for a loop that is busy with answers when a batch has ended."""

        def ran(self, **details: object) -> None:
            super().ran(**details)
            loop.jump(0.1)

    async with started(loop, seen=Busy()) as plant:
        await plant.fill(6)
        for _ in range(6):
            await loop.advance(0.2)
        plant.admit()
        admitted = 0
        while plant.refusal(FULL) is None:
            admitted += 1
        assert admitted in (5, 6)


@stepped
async def test_retry_after_is_when_it_will_be_admitted(loop: SteppedLoop) -> None:
    """Not a second earlier; and until then the engine has work without whoever waits that long."""
    async with started(loop, limit=2.0) as plant:
        await plant.fill(50)
        await loop.advance(0.0125 + 0.35)
        error = plant.refusal()
        assert error is not None
        assert error.retry_after == 3.0  # 4.65 s of work, less 2 s, in whole seconds
        await loop.advance(error.retry_after - 1.0)
        assert plant.refusal() is not None
        await loop.advance(1.0)
        assert plant.refusal() is None


@stepped
async def test_retry_after_of_a_full_queue_is_when_there_is_room(loop: SteppedLoop) -> None:
    """Rows over the limit leave with as many batches as they fill, at the measured pace."""
    async with started(loop, row=0.25, limit=1000.0, max_queue_rows=4 * FULL) as plant:
        await plant.measure()
        await plant.fill(4)
        error = plant.refusal(FULL)
        assert error is not None
        assert plant.reasons == ["full"]
        assert error.retry_after == 1.0  # the batch that runs has one row
        await loop.advance(error.retry_after)
        assert plant.refusal(FULL) is None
        error = plant.refusal(FULL)
        assert error is not None
        assert error.retry_after == 2.0  # of the 2 s that the full batch takes it has run 0.75
        await loop.advance(error.retry_after)
        assert plant.refusal(FULL) is None


@stepped
async def test_what_cannot_start_before_its_own_deadline_is_refused(loop: SteppedLoop) -> None:
    """At once and with 429's error, where others with more time are admitted."""
    async with started(loop) as plant:
        await plant.measure()
        await plant.fill(3)
        error = plant.refusal(within=0.05)
        assert str(error) == (
            "24 series wait: more would start in 0.31 s, and the deadline of this request is in 0.05 s; "
            "try again in 1 s"
        )
        assert plant.reasons == ["deadline"]
        assert plant.refusal(within=0.4) is None


@stepped
async def test_before_anything_was_measured_no_deadline_is_too_early(loop: SteppedLoop) -> None:
    """It is told at the deadline."""
    async with started(loop) as plant:
        await plant.fill(3)
        entry = plant.admit(within=0.05)
        await loop.advance(0.05)
        assert isinstance(entry.caller.exception(), DeadlineExceeded)
        assert plant.reasons == []


@stepped
async def test_deadline_that_has_passed_is_still_a_504(loop: SteppedLoop) -> None:
    """Behind a queue too: to try again with the same deadline makes no sense."""
    async with started(loop) as plant:
        await plant.measure()
        await plant.fill(3)
        with pytest.raises(DeadlineExceeded, match="on arrival"):
            plant.admit(within=0.0)


@pytest.mark.parametrize("within", [0.001, PATIENT])
def test_an_empty_queue_admits_whatever_was_measured(within: float) -> None:
    """After a pace of 100 s for a batch, and while such a batch runs: so the engine always has work."""

    async def test(loop: SteppedLoop) -> None:
        async with started(loop, fixed=100.0) as plant:
            await plant.measure()
            plant.admit()
            await loop.advance(50.0)
            assert plant.batcher.refusal() is None
            assert plant.refusal(within=within) is None
            assert plant.refusal(within=within) is not None

    run_stepped(test)


@stepped
async def test_one_pause_of_the_process_does_not_count(loop: SteppedLoop) -> None:
    """A batch that took 20 s because the process was suspended makes the next burst no shorter."""
    async with started(loop) as plant:
        await plant.measure()
        await plant.fill(3)
        await loop.advance(0.1)
        plant.fixed = 20.0  # of the batch that starts next
        await loop.advance(0.1)
        plant.fixed = 0.0
        await plant.empty()
        assert max(float(str(ran["seconds"])) for ran in plant.seen.of("ran")) > 20.0
        await plant.fill(9)
        assert plant.reasons == []


@stepped
async def test_a_machine_that_is_fast_again_is_believed_after_a_few_batches(loop: SteppedLoop) -> None:
    """Sixteen fast ones, which last no longer than they take, and the slow ones before count no more."""
    async with started(loop, row=0.25) as plant:
        await plant.fill(37)
        await loop.advance(20 * 2.0)
        assert plant.refusal() is not None
        plant.row = 0.0125
        await plant.empty()
        plant.seen.events.clear()
        await plant.fill(9)
        assert plant.reasons == []


@stepped
async def test_a_pace_of_long_ago_is_forgotten(loop: SteppedLoop) -> None:
    """A burst at a server that was slow before it was idle is admitted as at a fresh one."""
    async with started(loop, row=0.25) as plant:
        await plant.measure()
        plant.row = 0.0125
        await loop.advance(15.0)
        await plant.fill(9)
        assert plant.reasons == []


@stepped
async def test_idle_time_is_no_pace(loop: SteppedLoop) -> None:
    """Where the whole queue expires or is cancelled, the time until others come does not count."""
    async with started(loop) as plant:
        await plant.measure()
        for _ in range(2):  # one alone would be taken for a pause
            plant.admit()
            await loop.idle()
            gone = [plant.admit(FULL) for _ in range(3)]
            await loop.advance(0.0125 - 1e-9)
            for entry in gone:
                entry.caller.cancel()  # in the turn in which the batch ends they still are in the queue
            await loop.advance(3.0)
            plant.admit()
            await plant.empty()
        await plant.fill(9)
        assert plant.reasons == []


@stepped
async def test_a_batch_that_hangs_refuses_whoever_comes_behind_others(loop: SteppedLoop) -> None:
    """Once it is late by the limit; it may go on for as long again. One item waits until its deadline."""
    async with started(loop) as plant:
        await plant.measure()
        plant.fixed = 30.0
        plant.admit()
        await loop.idle()
        plant.admit()
        await loop.advance(0.9)
        assert plant.refusal() is None
        await loop.advance(0.2)
        assert plant.batcher.refusal() is not None
        await loop.advance(20.0)
        error = plant.refusal()
        assert error is not None
        assert error.retry_after == 21.0  # 21.1 s late, less 1 s
        plant.fixed = 0.0
        await plant.empty()
        await plant.fill(9)
        assert plant.reasons == ["queue_time"] * 2


@stepped
async def test_refusals_by_time_are_one_object_until_the_next_batch(loop: SteppedLoop) -> None:
    """The document of it is made once for all who are told it; each of them is counted."""
    async with started(loop) as plant:
        await plant.measure()
        await plant.fill(10)
        first = plant.batcher.refusal()
        assert isinstance(first, QueueFull)
        assert [plant.batcher.refusal() for _ in range(3)] == [first] * 3
        await loop.advance(0.0125 + 0.05)
        assert plant.batcher.refusal() is None
        plant.admit(FULL)
        later = plant.batcher.refusal()
        assert isinstance(later, QueueFull)
        assert later is not first
        assert plant.reasons == ["queue_time"] * 5


@settings(max_examples=150, deadline=None)
@given(
    fixed=st.sampled_from([0.0, 0.0004, 0.002, 0.01]),
    row=st.sampled_from([0.0001, 0.001, 0.004]),
    limit=st.sampled_from([0.1, 0.5, 1.0]),
    halve_above=st.sampled_from([None, 4]),
    rows=st.sampled_from([1, 2, 4, 8]),
    arrivals=st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from([0.0, 0.001, 0.02, 0.1])), min_size=1, max_size=40
    ),
)
def test_admitted_items_start_in_time_and_refused_ones_could_not(
    fixed: float,
    row: float,
    limit: float,
    halve_above: int | None,
    rows: int,
    arrivals: list[tuple[int, float]],
) -> None:
    """At a steady pace, whenever they come: within the limit and two batches.

    Whoever was refused would have waited for more than half of the limit, or for two batches less than it.
    """

    async def test(loop: SteppedLoop) -> None:
        async with started(loop, fixed=fixed, row=row, limit=limit, halve_above=halve_above) as plant:
            await plant.measure()
            batch = plant.seconds(FULL)
            admitted_at: list[float] = []
            refused: list[tuple[float, int]] = []  # when, and how many were admitted before
            for count, pause in arrivals:
                for _ in range(count):
                    was_empty = plant.batcher.queued_rows == 0
                    if plant.refusal(rows) is None:
                        admitted_at.append(loop.time())
                    else:
                        assert not was_empty
                        refused.append((loop.time(), len(admitted_at)))
                await loop.advance(pause)
            await plant.empty()
            assert set(plant.reasons) <= {"queue_time"}
            waits = [start - at for start, at in zip(plant.starts, admitted_at, strict=True)]
            assert max(waits) <= limit + 2 * batch
            for at, before in refused:  # it would have come right behind the last that was admitted
                assert plant.starts[before - 1] - at >= min(limit / 2, limit - 2 * batch) - 1e-9

    run_stepped(test)
