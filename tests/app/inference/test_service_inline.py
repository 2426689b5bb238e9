"""`app.inference.service`: short batches that run inline, on the event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact
from app.errors import EngineError
from app.inference.engines.inline import LIMITS
from app.inference.service import Service
from tests.app.inference.test_service import series, soon, started
from tests.support.fakes import FakeEngine, by_first_value


def threads_of(service: Service, engine: FakeEngine, *sizes: int) -> list[int]:
    """On which thread the engine runs requests of these sizes, one after the other."""
    found: list[int] = []
    compute = engine.predict

    async def scenario() -> None:
        await service.start()
        engine.predict = lambda series: found.append(threading.get_ident()) or compute(series)  # type: ignore[method-assign, func-returns-value]
        for size in sizes:
            await service.predict(series(*range(size)), deadline=soon())
        await service.close(timeout=10)

    asyncio.run(scenario())
    return found


def test_only_short_batches_run_inline(plain_artifact: Artifact) -> None:
    """Up to the rows that were measured as short; one more runs on the engine's thread."""
    engine = FakeEngine(quick_up_to(2))
    service = Service(plain_artifact, lambda: engine, max_inline_rows=8)
    one, two, three = threads_of(service, engine, 1, 2, 3)
    assert one == two == threading.get_ident() != three


def test_longer_calls_run_inline_on_one_core(plain_artifact: Artifact) -> None:
    """The engine's thread would block the event loop too, unless a limit is set."""

    def rather_slow(series: NDArray[np.float32]) -> NDArray[np.float32]:
        time.sleep(1.5 * LIMITS.seconds)
        return by_first_value(series)

    here = threading.get_ident()
    for options, is_brief in (
        ({"max_inline_rows": None}, False),
        ({"max_inline_rows": None, "has_one_core": True}, True),
        ({"max_inline_rows": 0, "has_one_core": True}, False),
    ):
        engine = FakeEngine(rather_slow)
        [found] = threads_of(Service(plain_artifact, lambda made=engine: made, **options), engine, 1)  # type: ignore[misc]
        assert (found == here) is is_brief


def test_an_inline_batch_admits_received_requests_first(plain_artifact: Artifact) -> None:
    """Requests that arrive a turn of the loop apart share a batch."""
    engine = FakeEngine()

    async def scenario() -> list[int]:
        async with started(plain_artifact, engine, max_inline_rows=4) as service:
            engine.batches.clear()
            calls = []
            for _ in range(3):
                calls.append(asyncio.ensure_future(service.predict(series(1.0), deadline=soon())))
                await asyncio.sleep(0)
            await asyncio.gather(*calls)
        return engine.batches

    assert asyncio.run(scenario()) == [3]


def test_no_batch_runs_inline_by_default(plain_artifact: Artifact) -> None:
    """Even if it is short."""
    engine = FakeEngine()
    assert threading.get_ident() not in threads_of(Service(plain_artifact, lambda: engine), engine, 1)


def test_an_inline_batch_that_fails_fails_alone(plain_artifact: Artifact) -> None:
    """As on the engine's thread: its requests get the error, and the next batch works."""
    fails = [False]

    def at_times(series: NDArray[np.float32]) -> NDArray[np.float32]:
        if fails.pop() if fails else False:
            raise ValueError("a bad batch")
        return by_first_value(series)

    async def scenario() -> None:
        async with started(plain_artifact, FakeEngine(at_times), max_inline_rows=1) as service:
            fails.append(True)
            with pytest.raises(EngineError, match="the engine failed on this batch"):
                await service.predict(series(1.0), deadline=soon())
            assert (await service.predict(series(1.0), deadline=soon())).batch_rows == 1

    asyncio.run(scenario())


def test_many_inline_batches_do_not_block_the_loop(plain_artifact: Artifact) -> None:
    """Other tasks run between two queued batches."""
    turns: list[None] = []

    async def count() -> None:
        while True:
            turns.append(None)
            await asyncio.sleep(0)

    async def scenario() -> int:
        options = {"max_batch_rows": 1, "max_queue_rows": 50, "max_inline_rows": 1}
        async with started(plain_artifact, FakeEngine(), **options) as service:
            counting = asyncio.create_task(count())
            await asyncio.gather(*(service.predict(series(1.0), deadline=soon()) for _ in range(50)))
            counting.cancel()
        return len(turns)

    assert asyncio.run(scenario()) >= 50


@pytest.mark.parametrize(("has_one_core", "sizes"), [(False, [1, 21, 19]), (True, [1, 40])])
def test_the_loop_has_work_while_the_engine_computes(
    plain_artifact: Artifact, has_one_core: bool, sizes: list[int]
) -> None:
    """A batch leaves some queued rows for the next, unless loop and engine share a CPU core."""
    engine, begun, go_on = FakeEngine(max_rows=64), threading.Event(), threading.Event()

    async def scenario() -> list[int]:
        options = {"max_batch_rows": 64, "max_queue_rows": 64, "has_one_core": has_one_core}
        async with started(plain_artifact, engine, **options) as service:
            engine.batches.clear()
            compute = engine.predict

            def held_up(series: NDArray[np.float32]) -> NDArray[np.float32]:
                begun.set()
                assert go_on.wait(10)
                return compute(series)

            engine.predict = held_up  # type: ignore[method-assign]
            first = asyncio.ensure_future(service.predict(series(1.0), deadline=soon()))
            await asyncio.to_thread(begun.wait, 10)
            others = [asyncio.ensure_future(service.predict(series(1.0), deadline=soon())) for _ in range(40)]
            await asyncio.sleep(0)
            go_on.set()
            await asyncio.gather(first, *others)
        return engine.batches

    assert asyncio.run(scenario()) == sizes


def quick_up_to(rows: int) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """A fake engine that is too slow to run inline with more rows."""

    def predict(series: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(series) > rows:
            time.sleep(2 * LIMITS.seconds)
        return by_first_value(series)

    return predict
