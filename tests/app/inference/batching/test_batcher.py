"""What the batcher promises, a test or more by the name of each promise."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from app.errors import ContractViolation, DeadlineExceeded, EngineError, NotReady, QueueFull
from app.inference.batching import BatchResult, Entry, MicroBatcher
from tests.app.inference.batching.stepping import (
    Bench,
    Seen,
    SteppedLoop,
    result_of,
    run_stepped,
    started,
    stepped,
)


def results_of(tasks: Sequence[asyncio.Task[BatchResult[str]]]) -> list[str]:
    """What callers got that were all served."""
    return [task.result().result for task in tasks]


# 1. A full queue refuses at once; nothing ever waits for a place.


@stepped
async def test_full_queue_refuses_at_once(loop: SteppedLoop) -> None:
    """An item that does not fit into the queue is refused without waiting, and those in it are served."""
    async with started(loop, max_queue_rows=4) as bench:
        served = [*await bench.calls("a"), *await bench.calls("b", "c", "d")]
        refused = bench.batcher.submit("e", rows=2, deadline=1000.0)
        told = r"3 series wait: no room for 2 more \(MAX_QUEUE_ROWS=4\); try again in 1 s"
        with pytest.raises(QueueFull, match=told):
            refused.send(None)
        assert bench.seen.of("refused") == [{"rows": 2, "reason": "full"}]
        served += await bench.calls("f")
        await bench.finish()
        await bench.finish()
        assert results_of(served) == [result_of(item) for item in "abcdf"]


@pytest.mark.parametrize(("max_rows", "max_queue_rows"), [(0, 4), (5, 4)])
def test_queue_must_have_room_for_the_largest_item(max_rows: int, max_queue_rows: int) -> None:
    """A batcher whose queue could never admit an item of `max_rows` rows cannot be made."""
    with pytest.raises(ValueError, match="1 <= max_rows <= max_queue_rows"):
        MicroBatcher(Bench.call, max_rows=max_rows, max_queue_rows=max_queue_rows)  # type: ignore[arg-type]


# 2. It is work-conserving: when the engine is free and something waits, it runs.


@stepped
async def test_free_engine_runs_what_waits(loop: SteppedLoop) -> None:
    """What arrives at an idle batcher runs at once, together, and sets no timer but one for the deadlines."""
    async with started(loop) as bench:
        tasks = await bench.calls("a", "b")
        assert bench.engine.batches == [["a", "b"]]
        assert loop.timers() == [1000.0]
        await bench.finish()
        assert results_of(tasks) == ["result of a", "result of b"]


@stepped
async def test_what_arrives_during_a_batch_is_the_next_batch(loop: SteppedLoop) -> None:
    """One batch runs at a time, and the next starts in the moment in which it ends."""
    async with started(loop) as bench:
        tasks = [*await bench.calls("a"), *await bench.calls("b", "c"), *await bench.calls("d")]
        assert bench.engine.batches == [["a"]]
        await bench.finish()
        assert bench.engine.batches == [["a"], ["b", "c", "d"]]
        await bench.finish()
        assert len(results_of(tasks)) == 4


@stepped
async def test_wait_to_fill_starts_at_the_first_arrival(loop: SteppedLoop) -> None:
    """With `max_wait`, a batch starts that long after its first item's arrival, and one timer counts it."""
    async with started(loop, max_wait=5.0) as bench:
        tasks = await bench.calls("a")
        await loop.advance(3.0)
        tasks += await bench.calls("b")
        assert loop.timers() == [5.0, 1000.0]
        await loop.advance(1.5)
        assert bench.engine.batches == []
        await loop.advance(0.5)
        assert bench.engine.batches == [["a", "b"]]
        await bench.finish()
        assert len(results_of(tasks)) == 2


@stepped
async def test_full_batch_does_not_wait(loop: SteppedLoop) -> None:
    """With `max_wait`, a batch starts as soon as no more fits into it."""
    async with started(loop, max_wait=5.0, max_rows=4) as bench:
        tasks = await bench.calls("a", "b", "c")
        assert bench.engine.batches == []
        tasks.append(bench.call("d", rows=2))
        await loop.idle()
        assert bench.engine.batches == [["a", "b", "c"]]
        await bench.finish()
        await loop.advance(5.0)
        await bench.finish()
        assert len(results_of(tasks)) == 4


@stepped
async def test_wait_to_fill_counts_the_time_in_the_queue(loop: SteppedLoop) -> None:
    """An item that waited longer than `max_wait` for the engine runs as soon as the engine is free."""
    async with started(loop, max_wait=5.0) as bench:
        tasks = await bench.calls("a")
        await loop.advance(5.0)
        tasks += await bench.calls("b")
        await loop.advance(6.0)
        await bench.finish()
        assert bench.engine.batches == [["a"], ["b"]]
        await bench.finish()
        assert len(results_of(tasks)) == 2


@stepped
async def test_wait_to_fill_survives_cancellation_of_all_items(loop: SteppedLoop) -> None:
    """When all items leave during the wait to fill a batch, nothing runs until another arrives."""
    async with started(loop, max_wait=5.0) as bench:
        [gone] = await bench.calls("a")
        gone.cancel()
        await loop.advance(20.0)
        assert (bench.engine.batches, loop.timers()) == ([], [1000.0])  # no more than the deadlines'
        [task] = await bench.calls("b")
        await loop.advance(5.0)
        await bench.finish()
        assert task.result().result == "result of b"


@stepped
async def test_large_batch_leaves_half_for_the_next(loop: SteppedLoop) -> None:
    """With `halve_above`, of those who wait and those just served, so that two batches come to be alike."""
    async with started(loop, max_rows=8, halve_above=2) as bench:
        tasks = [*await bench.calls("a"), *await bench.calls(*"bcdefg")]
        await bench.finish()  # of 6 and 1 the half is 4
        assert bench.engine.batches[-1] == list("bcde")
        tasks += await bench.calls("h")
        await bench.finish()  # of 3 and 4 it would be 4
        assert bench.engine.batches[-1] == list("fgh")
        await bench.finish()
        assert len(results_of(tasks)) == 8


@stepped
async def test_small_batch_takes_all(loop: SteppedLoop) -> None:
    """Up to `halve_above` rows, and without it."""
    for halve_above in (3, None):
        async with started(loop, halve_above=halve_above) as bench:
            tasks = [*await bench.calls("a"), *await bench.calls(*"bcd")]
            await bench.finish()
            assert bench.engine.batches[-1] == list("bcd")
            await bench.finish()
            assert len(results_of(tasks)) == 4


@stepped
async def test_first_item_runs_though_it_is_more_than_half(loop: SteppedLoop) -> None:
    """And alone: there is no room for another."""
    async with started(loop, max_rows=8, halve_above=1) as bench:
        tasks = [*await bench.calls("a"), bench.call("b", rows=7), bench.call("c")]
        await loop.idle()
        for batch in (["b"], ["c"]):
            await bench.finish()
            assert bench.engine.batches[-1] == batch
        await bench.finish()
        assert len(results_of(tasks)) == 3


async def one_a_turn(bench: Bench, items: str) -> list[asyncio.Task[BatchResult[str]]]:
    """Callers of whom each comes a turn of the loop after the one before."""
    tasks = []
    for item in items:
        tasks.append(bench.call(item))
        await asyncio.sleep(0)
    await bench.loop.idle()
    return tasks


@pytest.mark.parametrize(("gather_rows", "first"), [(0, "a"), (3, "abc"), (9, "abcdef")])
def test_inline_batch_admits_received_requests_first(gather_rows: int, first: str) -> None:
    """With `gather_rows`, as long as a turn of the loop brings someone and they are few; without a timer."""

    async def test(loop: SteppedLoop) -> None:
        async with started(loop, max_rows=6, gather_rows=gather_rows) as bench:
            tasks = await one_a_turn(bench, "abcdef")
            assert bench.engine.batches[0] == list(first)
            assert loop.timers() == [1000.0]
            while bench.engine.busy:
                await bench.finish()
            assert len(results_of(tasks)) == 6

    run_stepped(test)


@stepped
async def test_what_a_brief_batch_gathers_may_leave_again(loop: SteppedLoop) -> None:
    """Nobody is computed who was cancelled meanwhile, and closing does not wait for more."""
    async with started(loop, gather_rows=4) as bench:
        gone, stays = bench.call("a"), bench.call("b")
        await asyncio.sleep(0)
        gone.cancel()
        closing = loop.create_task(bench.batcher.close(timeout=5.0))
        await loop.idle()
        assert bench.engine.batches == [["b"]]
        await bench.finish()
        await closing
        assert results_of([stays]) == ["result of b"]


# 3. A request is one item of k rows and is never split.


@stepped
async def test_item_is_never_split_nor_overtaken(loop: SteppedLoop) -> None:
    """An item that does not fit into the rest of a batch starts the next, and smaller ones stay behind it."""
    async with started(loop, max_rows=4) as bench:
        tasks = await bench.calls("a")
        tasks += [bench.call("b", rows=2), bench.call("c", rows=3), bench.call("d"), bench.call("e")]
        for _ in range(4):
            await loop.idle()
            await bench.finish()
        assert bench.engine.batches == [["a"], ["b"], ["c", "d"], ["e"]]
        assert [task.result().batch_rows for task in tasks] == [1, 2, 4, 4, 1]


@stepped
async def test_item_of_more_than_max_rows_is_a_contract_violation(loop: SteppedLoop) -> None:
    """An item that can never fit into a batch is the caller's mistake, and says so in the user's words."""
    async with started(loop, max_rows=256, max_queue_rows=256) as bench:
        with pytest.raises(ContractViolation) as refusal:
            await bench.batcher.submit("a", rows=300, deadline=1000.0)
        assert refusal.value.violations == [("instances", "300 series; at most 256 a request")]
        assert bench.seen.of("refused") == [{"rows": 300, "reason": "too_large"}]


@stepped
async def test_item_without_rows_is_a_programming_error(loop: SteppedLoop) -> None:
    """An item of no rows is a `ValueError`."""
    async with started(loop) as bench:
        with pytest.raises(ValueError, match="at least one row, not 0"):
            await bench.batcher.submit("a", rows=0, deadline=1000.0)


# 4. Deadlines are absolute; expired and cancelled items leave before they are computed.


@stepped
async def test_expired_item_leaves_the_queue_at_its_deadline(loop: SteppedLoop) -> None:
    """While the engine is busy, an item's deadline tells its caller, frees its rows, and it never runs."""
    async with started(loop) as bench:
        [first] = await bench.calls("a")
        late, patient = bench.call("b", rows=3, within=5.0), bench.call("c")
        await loop.advance(4.0)
        assert (late.done(), bench.batcher.queued_rows) == (False, 4)
        await loop.advance(1.0)
        assert bench.batcher.queued_rows == 1
        with pytest.raises(DeadlineExceeded, match="while the request was in the queue"):
            late.result()
        assert bench.seen.of("dropped") == [{"rows": 3, "reason": "expired"}]
        await bench.finish()
        await bench.finish()
        assert bench.engine.batches == [["a"], ["c"]]
        assert len(results_of([first, patient])) == 2


@stepped
async def test_deadline_passes_while_the_items_own_batch_runs(loop: SteppedLoop) -> None:
    """An item fails at a deadline during its batch; its later result is discarded."""
    async with started(loop) as bench:
        late, patient = bench.call("a", within=5.0), bench.call("b")
        await loop.advance(5.0)
        with pytest.raises(DeadlineExceeded, match="while the request was in the engine"):
            late.result()
        await bench.finish()
        assert patient.result().result == "result of b"
        assert bench.seen.of("dropped") == []


@stepped
async def test_deadline_in_the_turn_in_which_a_batch_starts_comes_first(loop: SteppedLoop) -> None:
    """An item whose deadline has passed is not computed, even if its timer has yet to go off."""
    async with started(loop) as bench:
        [first] = await bench.calls("a")
        late = bench.call("b", within=5.0)
        await loop.idle()
        bench.engine.finish()
        loop.jump(5.0)
        await loop.idle()
        with pytest.raises(DeadlineExceeded):
            late.result()
        assert (first.done(), bench.engine.batches) == (True, [["a"]])
        assert bench.seen.of("dropped") == [{"rows": 1, "reason": "expired"}]


@stepped
async def test_deadline_that_has_passed_on_arrival_is_refused(loop: SteppedLoop) -> None:
    """An item that arrives at or after its deadline is not admitted."""
    async with started(loop) as bench:
        with pytest.raises(DeadlineExceeded, match="on arrival"):
            await bench.batcher.submit("a", rows=1, deadline=loop.time())
        assert bench.seen.events == [("refused", {"rows": 1, "reason": "expired"})]


@stepped
async def test_cancelled_item_leaves_the_queue(loop: SteppedLoop) -> None:
    """A caller that is cancelled while it waits frees its rows at once and its item never runs."""
    async with started(loop) as bench:
        [first] = await bench.calls("a")
        gone, patient = bench.call("b", rows=3), bench.call("c")
        await loop.idle()
        gone.cancel()
        await loop.idle()
        assert (gone.cancelled(), bench.batcher.queued_rows) == (True, 1)
        assert bench.seen.of("dropped") == [{"rows": 3, "reason": "cancelled"}]
        await bench.finish()
        await bench.finish()
        assert bench.engine.batches == [["a"], ["c"]]
        assert len(results_of([first, patient])) == 2


@stepped
async def test_item_cancelled_in_the_turn_in_which_a_batch_starts_is_not_computed(loop: SteppedLoop) -> None:
    """A caller cancelled just before a batch is taken is out of it, though it has not woken up yet."""
    async with started(loop) as bench:
        [first] = await bench.calls("a")
        [gone] = await bench.calls("b")
        bench.engine.finish()
        gone.cancel()
        await loop.idle()
        assert (first.done(), gone.cancelled(), bench.engine.batches) == (True, True, [["a"]])
        assert bench.seen.of("dropped") == [{"rows": 1, "reason": "cancelled"}]


# 5. A cancelled caller harms nobody in its batch.


@stepped
async def test_cancelled_item_does_not_affect_its_batch(loop: SteppedLoop) -> None:
    """The others of a batch get their own results when one of its callers is cancelled while it runs."""
    async with started(loop) as bench:
        first, gone, last = await bench.calls("a", "b", "c")
        gone.cancel()
        await loop.idle()
        assert gone.cancelled()
        await bench.finish()
        assert results_of([first, last]) == ["result of a", "result of c"]


@stepped
async def test_batch_of_cancelled_items_does_not_affect_the_next(loop: SteppedLoop) -> None:
    """It ends like any other, and the next one runs."""
    async with started(loop) as bench:
        [gone] = await bench.calls("a")
        [task] = await bench.calls("b")
        gone.cancel()
        await bench.finish()
        await bench.finish()
        assert (gone.cancelled(), task.result().result) == (True, "result of b")


@pytest.mark.parametrize("fails", [False, True])
def test_future_cancelled_between_its_result_and_its_waking_up(fails: bool) -> None:
    """A caller cancelled in the turn in which its outcome is set is cancelled, and no error is left over."""

    async def test(loop: SteppedLoop) -> None:
        async with started(loop) as bench:
            gone, other = await bench.calls("a", "b")
            bench.engine.fail(OSError("broken")) if fails else bench.engine.finish()
            await asyncio.sleep(0)  # the batcher's turn; the callers' comes after this one
            gone.cancel()
            await loop.idle()
            assert gone.cancelled()
            assert isinstance(other.exception(), EngineError) if fails else other.result()

    run_stepped(test)


# 6. An engine error fails that batch alone; a wrong-length answer is an engine error.


@stepped
async def test_engine_error_fails_its_batch_alone(loop: SteppedLoop) -> None:
    """All callers of a failed batch get an `EngineError` of their own from its cause; the next works."""
    async with started(loop) as bench:
        failed, [task] = await bench.calls("a", "b"), await bench.calls("c")
        cause = OSError("a secret\nof two lines")
        bench.engine.fail(cause)
        await loop.idle()
        errors = [task.exception() for task in failed]
        assert [str(error) for error in errors] == ["the engine failed on this batch (OSError)"] * 2
        assert [type(error) for error in errors] == [EngineError] * 2
        assert all(error is not None and error.__cause__ is cause for error in errors)
        assert errors[0] is not errors[1]
        await bench.finish()
        assert task.result().result == "result of c"
        assert [ran["failed"] for ran in bench.seen.of("ran")] == [True, False]


@stepped
async def test_what_an_engine_error_says_is_passed_on(loop: SteppedLoop) -> None:
    """An `EngineError` that `run` raises reaches the callers with its own words."""
    async with started(loop) as bench:
        [task] = await bench.calls("a")
        bench.engine.fail(EngineError("the device is lost"))
        await loop.idle()
        with pytest.raises(EngineError, match=r"^the device is lost$"):
            task.result()


@pytest.mark.parametrize("results", [[], ["x"], ["x", "y", "z"]])
def test_answer_of_the_wrong_length_is_an_engine_error(results: list[str]) -> None:
    """A wrong number of results fails all items; the next batch works."""

    async def test(loop: SteppedLoop) -> None:
        async with started(loop) as bench:
            failed, [task] = await bench.calls("a", "b"), await bench.calls("c")
            bench.engine.finish(results)
            await loop.idle()
            for caller in failed:
                with pytest.raises(EngineError, match=f"returned {len(results)} results for 2 requests"):
                    caller.result()
            await bench.finish()
            assert task.result().result == "result of c"

    run_stepped(test)


@stepped
async def test_answer_that_is_no_sequence_is_an_engine_error(loop: SteppedLoop) -> None:
    """An engine that returns something without a length fails its batch alone."""
    async with started(loop) as bench:
        [failed], [task] = await bench.calls("a"), await bench.calls("b")
        bench.engine.finish(iter(["x"]))  # type: ignore[arg-type]
        await loop.idle()
        assert isinstance(failed.exception(), EngineError)
        await bench.finish()
        assert task.result().result == "result of b"


@stepped
async def test_cancellation_inside_the_engine_is_an_engine_error(loop: SteppedLoop) -> None:
    """Something cancelled within `run` fails that batch and cancels neither its callers nor the batcher."""
    async with started(loop) as bench:
        [failed], [task] = await bench.calls("a"), await bench.calls("b")
        bench.engine.cancel()
        await loop.idle()
        with pytest.raises(EngineError, match="CancelledError"):
            failed.result()
        await bench.finish()
        assert task.result().result == "result of b"


# 7. If the loop itself dies, everyone waiting is told. A batch that runs too long turns liveness off.


class Halt(BaseException):
    """Not an `Exception`, so nothing that an engine's failure may look like."""


def halt_the_engine(bench: Bench) -> None:
    """Raise what no engine's failure looks like."""
    bench.engine.fail(Halt("now"))


def cancel_the_task(bench: Bench) -> None:
    """Cancel the batcher's task from outside, as the end of an `asyncio.run` does."""
    [task] = [task for task in asyncio.all_tasks(bench.loop) if task.get_name() == "micro-batcher"]
    task.cancel()


@pytest.mark.parametrize(
    ("kill", "failure"),
    [(halt_the_engine, "Halt('now')"), (cancel_the_task, "the batching task was cancelled")],
)
def test_death_of_the_loop_fails_all_items(
    kill: Callable[[Bench], None], failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    """When the batching task dies, items in the batch, in the queue and to come fail."""

    async def test(loop: SteppedLoop) -> None:
        async with started(loop) as bench:
            told = [*await bench.calls("a", "b"), *await bench.calls("c")]
            assert (bench.batcher.refusal(), bench.batcher.failure) == (None, None)
            kill(bench)
            await loop.idle()
            for task in told:
                with pytest.raises(NotReady, match="stopped before the prediction was ready"):
                    task.result()
            assert bench.batcher.failure == failure
            assert (bench.batcher.queued_rows, bench.batcher.stalled) == (0, False)
            assert bench.seen.of("dropped") == [{"rows": 1, "reason": "closed"}]
            with pytest.raises(NotReady, match="the batcher has failed; restart"):
                await bench.batcher.submit("d", rows=1, deadline=1000.0)

    run_stepped(test)
    assert failure in caplog.text


class FaultyObserver(Seen):
    """An observer that fails once a batch has run."""

    def ran(self, **details: object) -> None:
        """Fail."""
        raise LookupError(f"no such metric in {len(details)}")


def test_observer_that_raises_stops_the_batcher_but_loses_no_result(caplog: pytest.LogCaptureFixture) -> None:
    """When an observer raises, items with a result get it, the others fail, and readiness is off."""

    async def test(loop: SteppedLoop) -> None:
        async with started(loop, observer=FaultyObserver()) as bench:
            [served], [told] = await bench.calls("a"), await bench.calls("b")
            await bench.finish()
            assert served.result().result == "result of a"
            assert isinstance(told.exception(), NotReady)
            assert bench.batcher.failure == "LookupError('no such metric in 4')"

    run_stepped(test)
    assert "no such metric" in caplog.text


@stepped
async def test_batch_that_runs_too_long_turns_stalled_on(loop: SteppedLoop) -> None:
    """A batch past `stall_timeout` means stalled, an idle batcher or the end of that batch does not."""
    async with started(loop, stall_timeout=30.0) as bench:
        await loop.advance(100.0)
        assert not bench.batcher.stalled
        [task] = await bench.calls("a")
        await loop.advance(30.0)
        assert not bench.batcher.stalled
        await loop.advance(0.5)
        assert (bench.batcher.stalled, bench.batcher.refusal()) == (True, None)
        await bench.finish()
        assert not bench.batcher.stalled
        assert task.result().ran == 30.5


@stepped
async def test_batcher_that_is_not_started_is_not_ready(loop: SteppedLoop) -> None:
    """Before `start` nothing is admitted, nothing is stalled, and closing is no trouble."""
    batcher = MicroBatcher[str, str](Bench.call, max_rows=1, max_queue_rows=1)  # type: ignore[arg-type]
    with pytest.raises(NotReady, match="starting"):
        await batcher.submit("a", rows=1, deadline=loop.time() + 1)
    assert (batcher.failure, batcher.stalled) == (None, False)
    await batcher.close(timeout=1.0)


@stepped
async def test_batcher_starts_once(loop: SteppedLoop) -> None:
    """A second `start`, and one after `close`, are programming errors."""
    async with started(loop) as bench:
        with pytest.raises(RuntimeError, match="starts once"):
            bench.batcher.start()
        await bench.batcher.close(timeout=1.0)
        with pytest.raises(RuntimeError, match="starts once"):
            bench.batcher.start()


# 8. Closing stops admission, drains what was admitted, then fails the rest.


@stepped
async def test_closing_stops_admission_and_drains(loop: SteppedLoop) -> None:
    """While it closes it refuses the new and serves the admitted, and returns as soon as that is done."""
    async with started(loop, max_rows=2) as bench:
        tasks = [*await bench.calls("a"), *await bench.calls("b", "c", "d")]
        closing = loop.create_task(bench.batcher.close(timeout=10.0))
        await loop.idle()
        with pytest.raises(NotReady, match="shutting down"):
            await bench.batcher.submit("e", rows=1, deadline=1000.0)
        for _ in range(3):
            assert not closing.done()
            await bench.finish()
        assert (closing.done(), loop.time(), bench.batcher.failure) == (True, 0.0, None)
        assert len(results_of(tasks)) == 4


@stepped
async def test_closing_fails_what_is_left_at_its_timeout(loop: SteppedLoop) -> None:
    """Items that are not done at the timeout fail, in the queue and in the engine."""
    async with started(loop) as bench:
        tasks = [*await bench.calls("a"), *await bench.calls("b", "c")]
        closing = loop.create_task(bench.batcher.close(timeout=10.0))
        await loop.advance(9.0)
        assert not any(task.done() for task in [closing, *tasks])
        await loop.advance(1.0)
        assert closing.done()
        assert [type(task.exception()) for task in tasks] == [NotReady] * 3
        assert bench.seen.of("dropped") == [{"rows": 1, "reason": "closed"}] * 2
        assert (bench.batcher.queued_rows, bench.batcher.failure) == (0, None)


@stepped
async def test_closing_does_not_wait_to_fill_a_batch(loop: SteppedLoop) -> None:
    """With `max_wait`, what waits for a batch to fill runs as soon as closing begins."""
    async with started(loop, max_wait=5.0) as bench:
        [task] = await bench.calls("a")
        closing = loop.create_task(bench.batcher.close(timeout=10.0))
        await loop.idle()
        await bench.finish()
        assert (closing.done(), task.result().queued) == (True, 0.0)


@stepped
async def test_draining_does_not_wait_to_fill_a_batch(loop: SteppedLoop) -> None:
    """With `max_wait`, what waits for the engine while the batcher closes runs as soon as that is free."""
    async with started(loop, max_wait=5.0) as bench:
        tasks = [*await bench.calls("a", "b", "c", "d"), *await bench.calls("e")]
        closing = loop.create_task(bench.batcher.close(timeout=10.0))
        await bench.finish()
        await bench.finish()
        assert (closing.done(), loop.time(), len(results_of(tasks))) == (True, 0.0, 5)


@stepped
async def test_closing_may_be_called_again_and_by_several_tasks(loop: SteppedLoop) -> None:
    """Every call returns when the drain is over or its own timeout ends, whatever happens to the others."""
    async with started(loop) as bench:
        [task] = await bench.calls("a")
        one, gone, two = [loop.create_task(bench.batcher.close(timeout=10.0)) for _ in range(3)]
        await loop.idle()
        gone.cancel()
        await loop.idle()
        assert (one.done(), gone.cancelled(), two.done(), task.done()) == (False, True, False, False)
        await bench.finish()
        assert (one.done(), two.done(), task.result().result) == (True, True, "result of a")
        await bench.batcher.close(timeout=10.0)


@stepped
async def test_shortest_timeout_of_several_closings_counts(loop: SteppedLoop) -> None:
    """When one call's timeout ends the rest is failed, and the other calls return with it."""
    async with started(loop) as bench:
        [task] = await bench.calls("a")
        long, short = [loop.create_task(bench.batcher.close(timeout=timeout)) for timeout in (10.0, 2.0)]
        await loop.advance(2.0)
        assert (long.done(), short.done(), type(task.exception())) == (True, True, NotReady)


@stepped
async def test_cancelling_during_closing_lets_the_drain_end(loop: SteppedLoop) -> None:
    """A caller cancelled while the batcher closes is one fewer to wait for."""
    async with started(loop) as bench:
        [first], [gone] = await bench.calls("a"), await bench.calls("b")
        closing = loop.create_task(bench.batcher.close(timeout=10.0))
        await loop.idle()
        gone.cancel()
        await bench.finish()
        assert (closing.done(), gone.cancelled(), first.result().result) == (True, True, "result of a")
        assert bench.engine.batches == [["a"]]


@stepped
async def test_engine_that_ignores_its_cancellation_does_not_hold_up_closing(loop: SteppedLoop) -> None:
    """Closing returns at its timeout though `run` goes on, and the batcher ends when `run` does."""
    released = loop.create_future()

    async def stubborn(items: Sequence[str]) -> Sequence[str]:
        while not released.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(released)
        return items

    async with started(loop, run=stubborn) as bench:
        tasks = [*await bench.calls("a"), *await bench.calls("b")]
        closing = loop.create_task(bench.batcher.close(timeout=3.0))
        await loop.advance(3.0)
        assert closing.done()
        assert [type(task.exception()) for task in tasks] == [NotReady] * 2
        released.set_result(None)
        await loop.idle()


# 9. Each caller gets the result of its own item, whatever else was in the batch.


@stepped
async def test_each_future_gets_the_result_of_its_own_item(loop: SteppedLoop) -> None:
    """Callers of one batch that leave, stay or bring several rows each end up with their own result."""
    async with started(loop, max_rows=8) as bench:
        tasks = [bench.call(item, rows=rows) for item, rows in zip("abcd", (2, 1, 3, 1), strict=True)]
        await loop.idle()
        tasks[1].cancel()
        await bench.finish()
        assert results_of([tasks[0], *tasks[2:]]) == ["result of a", "result of c", "result of d"]


@stepped
async def test_a_result_has_its_batchs_times_and_size(loop: SteppedLoop) -> None:
    """An answer carries the seconds in the queue and in the engine and the rows of its batch."""
    async with started(loop) as bench:
        await bench.calls("a")
        await loop.advance(2.0)
        tasks = [bench.call("b"), bench.call("c", rows=2)]
        await loop.advance(3.0)
        await bench.finish()
        await loop.advance(4.0)
        await bench.finish()
        assert [task.result() for task in tasks] == [
            BatchResult(result="result of b", queued=3.0, ran=4.0, batch_rows=3),
            BatchResult(result="result of c", queued=3.0, ran=4.0, batch_rows=3),
        ]


# The same for those who need no coroutine: `admit`, `cancel`, and `refusal` before either.


def admitted(bench: Bench, *items: str, rows: int = 1, within: float = 1000.0) -> list[Entry[str, str]]:
    """Items that are put into the queue in this very turn of the loop."""
    deadline = bench.loop.time() + within
    return [bench.batcher.admit(item, rows=rows, deadline=deadline) for item in items]


@stepped
async def test_admitted_items_wait_at_once_and_get_their_results(loop: SteppedLoop) -> None:
    """They are in the queue before the loop goes on, and in one batch with those that were submitted."""
    async with started(loop) as bench:
        [first] = await bench.calls("a")
        b, c = [*admitted(bench, "b"), *admitted(bench, "c", rows=2)]
        assert (bench.batcher.queued_rows, bench.seen.rows("admitted")) == (3, 4)
        task = bench.call("d")
        await loop.advance(2.0)
        await bench.finish()
        assert bench.engine.batches == [["a"], ["b", "c", "d"]]
        await loop.advance(3.0)
        await bench.finish()
        assert b.future.result() == BatchResult("result of b", queued=2.0, ran=3.0, batch_rows=4)
        assert c.future.result().result == "result of c"
        assert results_of([first, task]) == ["result of a", "result of d"]


@stepped
async def test_what_is_not_admitted_fails_at_once(loop: SteppedLoop) -> None:
    """No room, no time, too many rows or no batcher: an exception, and nothing is queued."""
    async with started(loop, max_rows=4, max_queue_rows=4) as bench:
        [first] = await bench.calls("a")
        admitted(bench, "b", rows=3)
        with pytest.raises(QueueFull, match="3 series wait: no room for 2 more"):
            admitted(bench, "c", rows=2)
        with pytest.raises(DeadlineExceeded, match="on arrival"):
            admitted(bench, "c", within=0.0)
        with pytest.raises(ContractViolation, match="5 series; at most 4 a request"):
            admitted(bench, "c", rows=5)
        reasons = [refused["reason"] for refused in bench.seen.of("refused")]
        assert reasons == ["full", "expired", "too_large"]
        assert bench.batcher.queued_rows == 3
        for _ in range(2):
            await bench.finish()
        assert bench.engine.batches == [["a"], ["b"]]
        assert first.done()
        await bench.batcher.close(timeout=0)
        with pytest.raises(NotReady, match="shutting down"):
            admitted(bench, "c")


@stepped
async def test_admitted_items_fail_at_their_deadlines(loop: SteppedLoop) -> None:
    """In the queue and in the engine, each at its own, though the first to come has the most time."""
    async with started(loop) as bench:
        [running] = admitted(bench, "a", within=5.0)
        await loop.idle()
        patient, hasty = [*admitted(bench, "b", within=9.0), *admitted(bench, "c", within=2.0)]
        told: list[tuple[str, float]] = []
        for entry in (running, patient, hasty):
            entry.future.add_done_callback(lambda caller: told.append((str(caller.exception()), loop.time())))
        await loop.advance(20.0)
        where = "the deadline passed while the request was in the {}"
        assert told == [
            (where.format("queue"), 2.0),
            (where.format("engine"), 5.0),
            (where.format("queue"), 9.0),
        ]
        assert bench.seen.of("dropped") == [{"rows": 1, "reason": "expired"}] * 2
        assert bench.batcher.queued_rows == 0
        await bench.finish()
        assert bench.engine.batches == [["a"]]


@stepped
async def test_withdrawn_item_leaves_the_queue_at_once(loop: SteppedLoop) -> None:
    """Its rows are free in the same turn, it is never computed, and it is counted once."""
    async with started(loop, max_queue_rows=4) as bench:
        [first] = admitted(bench, "a")
        await loop.idle()
        gone, stays = admitted(bench, "b", "c", rows=2)
        bench.batcher.cancel(gone)
        assert (gone.future.cancelled(), bench.batcher.queued_rows) == (True, 2)
        bench.batcher.cancel(gone)
        assert bench.seen.of("dropped") == [{"rows": 2, "reason": "cancelled"}]
        [last] = admitted(bench, "d", rows=2)  # there is room again
        await bench.finish()
        await bench.finish()
        assert bench.engine.batches == [["a"], ["c", "d"]]
        results = [entry.future.result().result for entry in (first, stays, last)]
        assert results == ["result of a", "result of c", "result of d"]


@stepped
async def test_item_cancelled_in_a_batch_does_not_affect_the_others(loop: SteppedLoop) -> None:
    """Its result is thrown away; it has left the queue before and is not said to leave it again."""
    async with started(loop) as bench:
        gone, stays = admitted(bench, "a", "b")
        await loop.idle()
        bench.batcher.cancel(gone)
        await bench.finish()
        assert (gone.future.cancelled(), stays.future.result().result) == (True, "result of b")
        assert bench.seen.of("dropped") == []
        assert bench.seen.of("ran") == [{"rows": 2, "items": 2, "seconds": 0.0, "failed": False}]


@pytest.mark.parametrize("fails", [False, True])
def test_item_withdrawn_with_its_outcome_leaves_nothing_behind(fails: bool) -> None:
    """Its outcome stays, and the loop logs no unretrieved exception."""

    async def test(loop: SteppedLoop) -> None:
        async with started(loop) as bench:
            [entry] = admitted(bench, "a")
            await loop.idle()
            bench.engine.fail(OSError("broken")) if fails else bench.engine.finish()
            await loop.idle()
            assert entry.future.done()
            bench.batcher.cancel(entry)
            assert not entry.future.cancelled()
            assert bench.seen.of("dropped") == []

    run_stepped(test)


@stepped
async def test_admitted_items_fail_when_the_batcher_closes(loop: SteppedLoop) -> None:
    """In the queue and in the engine."""
    async with started(loop) as bench:
        [running] = admitted(bench, "a")
        await loop.idle()
        [waiting] = admitted(bench, "b")
        await bench.batcher.close(timeout=0)
        for entry in (running, waiting):
            assert isinstance(entry.future.exception(), NotReady)
        bench.batcher.cancel(waiting)
        assert bench.seen.of("dropped") == [{"rows": 1, "reason": "closed"}]


@stepped
async def test_no_refusal_while_there_is_room(loop: SteppedLoop) -> None:
    """While there is room for a row, though not for more; and asking takes no place."""
    async with started(loop, max_queue_rows=4) as bench:
        assert bench.batcher.refusal() is None
        admitted(bench, "a")
        await loop.idle()
        admitted(bench, "b", rows=3)
        assert [bench.batcher.refusal() for _ in range(5)] == [None] * 5
        assert (bench.batcher.queued_rows, bench.seen.of("refused")) == (3, [])
        admitted(bench, "c")
        await bench.finish()
        await bench.finish()


@stepped
async def test_a_refusal_for_a_full_queue_is_counted(loop: SteppedLoop) -> None:
    """Requests during one batch get the same error object; with room there is none."""
    async with started(loop, max_queue_rows=4) as bench:
        admitted(bench, "a")
        await loop.idle()
        [gone, *_] = admitted(bench, *"bcde")
        first, second = bench.batcher.refusal(), bench.batcher.refusal()
        assert isinstance(first, QueueFull)
        assert "4 series wait: no room for 1 more" in str(first)
        assert first.retry_after == 1.0
        assert second is first
        assert bench.seen.of("refused") == [{"rows": 1, "reason": "full"}] * 2
        bench.batcher.cancel(gone)
        assert bench.batcher.refusal() is None
        admitted(bench, "f")
        assert isinstance(bench.batcher.refusal(), QueueFull)
        await bench.finish()  # what waited runs now
        assert bench.batcher.refusal() is None
        admitted(bench, *"ghij")
        await loop.advance(6.5)
        later = bench.batcher.refusal()
        assert isinstance(later, QueueFull)
        assert later.retry_after == 7.0  # seconds: as long as the batch has run already, in whole ones
        await bench.finish()
        await bench.finish()


@stepped
async def test_a_refusal_by_a_stopped_batcher_is_counted(loop: SteppedLoop) -> None:
    """Before it is started, and from the moment in which it closes, though there is room."""
    seen = Seen()
    batcher = MicroBatcher[str, str](Bench.call, max_rows=1, max_queue_rows=1, observer=seen)  # type: ignore[arg-type]
    assert "starting" in str(batcher.refusal())
    async with started(loop, observer=seen) as bench:
        assert bench.batcher.refusal() is None
        await bench.batcher.close(timeout=0)
        refusal = bench.batcher.refusal()
        assert isinstance(refusal, NotReady)
        assert "shutting down" in str(refusal)
    assert seen.of("refused") == [{"rows": 1, "reason": "not_ready"}] * 2


# What it tells, and what it leaves behind.


@stepped
async def test_observer_sees_the_life_of_an_item(loop: SteppedLoop) -> None:
    """An observer gets admission, the start of the batch and its end, in order."""
    async with started(loop) as bench:
        task = bench.call("a", rows=3)
        await loop.advance(2.0)
        await bench.finish()
        assert task.result().batch_rows == 3
        assert bench.seen.events == [
            ("admitted", {"rows": 3}),
            ("queued", {"rows": 3, "seconds": 0.0}),
            ("ran", {"rows": 3, "items": 1, "seconds": 2.0, "failed": False}),
        ]


class Payload:
    """An item whose end can be watched."""


@stepped
async def test_item_is_freed_with_its_outcome(loop: SteppedLoop) -> None:
    """Served, expired, failed, cancelled or refused, an item is freed without the garbage collector."""

    async def run(items: Sequence[Payload]) -> Sequence[str]:
        await asyncio.sleep(2.0)
        if loop.time() > 5.0:
            raise OSError
        return [""] * len(items)

    async def call(*, within: float = 1000.0) -> None:
        payload = Payload()
        alive.append(weakref.ref(payload))
        try:
            await batcher.submit(payload, rows=1, deadline=loop.time() + within)
            outcomes.append("served")
        except (DeadlineExceeded, EngineError, QueueFull, asyncio.CancelledError) as error:
            outcomes.append(type(error).__name__)

    alive: list[weakref.ref[Payload]] = []
    outcomes: list[str] = []
    batcher = MicroBatcher(run, max_rows=1, max_queue_rows=3)
    batcher.start()
    gc.disable()
    try:
        tasks = [loop.create_task(call(within=within)) for within in (1000.0, 1.0, 1000.0, 1000.0)]
        await loop.advance(1.0)
        tasks += [loop.create_task(call()), loop.create_task(call())]
        await loop.idle()
        tasks[-1].cancel()
        await loop.advance(20.0)
        assert outcomes == [
            "QueueFull",
            "DeadlineExceeded",
            "CancelledError",
            "served",
            "served",
            "EngineError",
        ]
        assert [ref() for ref in alive] == [None] * 6
    finally:
        gc.enable()
        await batcher.close(timeout=0)
