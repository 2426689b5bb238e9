"""The pace that admission goes by: what is measured, what is left out, and for how long it counts."""

from __future__ import annotations

from app.errors import DeadlineExceeded
from tests.app.inference.batching.plant import FULL, started
from tests.app.inference.batching.stepping import Seen, SteppedLoop, stepped


@stepped
async def test_nothing_is_refused_by_time_before_the_first_measurement(loop: SteppedLoop) -> None:
    """A burst at a fresh server is admitted as far as the rows allow."""
    async with started(loop) as plant:
        await plant.fill(100)
        assert plant.batcher.refusal() is None
        assert plant.reasons == []


@stepped
async def test_small_batches_do_not_change_the_estimated_throughput(loop: SteppedLoop) -> None:
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
async def test_before_anything_was_measured_no_deadline_is_too_early(loop: SteppedLoop) -> None:
    """It is told at the deadline."""
    async with started(loop) as plant:
        await plant.fill(3)
        entry = plant.admit(within=0.05)
        await loop.advance(0.05)
        assert isinstance(entry.future.exception(), DeadlineExceeded)
        assert plant.reasons == []


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
                entry.future.cancel()  # in the turn in which the batch ends they still are in the queue
            await loop.advance(3.0)
            plant.admit()
            await plant.empty()
        await plant.fill(9)
        assert plant.reasons == []


@stepped
async def test_a_batch_that_hangs_refuses_items_behind_others(loop: SteppedLoop) -> None:
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
