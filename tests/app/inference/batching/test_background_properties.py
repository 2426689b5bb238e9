"""The background queue under whatever can happen, in any order: nothing is lost or counted twice."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import DeadlineExceeded, EngineError, QueueFull
from tests.app.inference.batching.stepping import SteppedLoop, run_stepped
from tests.app.inference.batching.test_background import Answer, Shared, shared

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("explain"), st.integers(1, 4), st.sampled_from([3.0, 1000.0])),
        st.tuples(st.just("predict")),
        st.tuples(st.just("finish"), st.sampled_from([0.0, 1.0])),
        st.tuples(st.just("fail")),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("advance"), st.sampled_from([0.5, 4.0])),
    ),
    max_size=25,
)


async def play(it: Shared, steps: list[tuple[Any, ...]]) -> dict[str, Answer]:
    """Do all steps; the items by the name of their chunks."""
    items: dict[str, Answer] = {}
    predictions = 0
    for step in steps:
        match step:
            case ("explain", chunks, within):
                name = f"item {len(items)}"
                items[name] = it.explain(*(f"{name}.{i}" for i in range(chunks)), within=within)
            case ("predict",) if predictions - it.engine.batches.count(["P"]) < 8:
                it.predict("P").add_done_callback(lambda task: task.cancelled() or task.exception())
                predictions += 1
            case ("finish", seconds) if it.engine.busy:
                await it.finish(seconds)
            case ("fail",) if it.engine.busy:
                it.engine.fail(OSError("broken"))
            case ("cancel", index) if items:
                list(items.values())[index % len(items)].cancel()
            case ("advance", seconds):
                await it.loop.advance(seconds)
        await it.loop.idle()
    while it.engine.busy:
        await it.finish()
    return items


@settings(max_examples=80, deadline=None)
@given(steps=STEPS)
def test_every_item_ends_and_every_row_is_counted(steps: list[tuple[Any, ...]]) -> None:
    """Chunks run in order and once each; rows that were admitted started or were dropped."""

    async def test(loop: SteppedLoop) -> None:
        async with shared(loop, room=6, max_rows=1, max_queue_rows=16) as it:
            items = await play(it, steps)
            assert it.background.rows == 0
            ran = [item for batch in it.engine.batches for item in batch if item != "P"]
            assert len(set(ran)) == len(ran)
            for name, task in items.items():
                chunks = [item for item in ran if item.startswith(f"{name}.")]
                assert chunks == [f"{name}.{i}" for i in range(len(chunks))]
                assert task.done()
                if task.cancelled():
                    continue
                if (error := task.exception()) is None:
                    assert task.result().results == [f"result of {chunk}" for chunk in chunks]
                else:
                    assert isinstance(error, DeadlineExceeded | EngineError | QueueFull)
            rows = {
                event: sum(int(str(details["rows"])) for name, details in it.seen.events if name == event)
                for event in ("admitted", "started", "dropped", "ran")
            }
            assert rows["admitted"] == rows["started"] + rows["dropped"]
            assert rows["started"] == rows["ran"] == len(ran)

    run_stepped(test)
