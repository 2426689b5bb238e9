"""Admission by time: what the measured pace cannot start in time is refused, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import DeadlineExceeded, QueueFull
from app.inference.batching import MicroBatcher
from app.settings import Settings
from tests.app.inference.batching.plant import FULL, PATIENT, Item, slow_by_rows, started
from tests.app.inference.batching.stepping import SteppedLoop, run_stepped, stepped


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
    """Rows over the limit leave with as many batches as they fill, at the measured throughput."""
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
