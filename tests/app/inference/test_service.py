"""`app.inference.service`: predictions and an honest account of the state."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact
from app.errors import ArtifactError, ContractViolation, DeadlineExceeded, EngineError, NotReady, QueueFull
from app.inference.predictions import Predictions
from app.inference.service import Service
from app.inference.status import State
from tests.support import trusted
from tests.support.fakes import FakeEngine, by_first_value
from tests.support.trusted import a_series, answers

LENGTH = 500


def series(*first_values: float) -> NDArray[np.float32]:
    """Series that differ in their first value."""
    array = np.zeros((len(first_values), LENGTH), np.float32)
    array[:, 0] = first_values
    return array


def soon(seconds: float = 60.0) -> float:
    """A deadline on the loop's clock."""
    return asyncio.get_running_loop().time() + seconds


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks and threads go on until something is so."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def started(artifact: Artifact, engine: FakeEngine, **options: float) -> AsyncIterator[Service]:
    """A service with a verified engine; closed at the end."""
    service = Service(artifact, lambda: engine, **options)  # type: ignore[arg-type]
    await service.start()
    try:
        yield service
    finally:
        engine.release()
        await service.close(timeout=10)


def test_each_request_gets_its_own_rows(plain_artifact: Artifact) -> None:
    """Requests that share a batch get the answers they would get alone."""
    engine = FakeEngine()
    parts = [series(0.5), series(-1.0, 2.0), series(3.0, -3.0, 0.0)]

    async def scenario() -> list[NDArray[np.float32]]:
        async with started(plain_artifact, engine) as service:
            answers = await asyncio.gather(*(service.predict(part, deadline=soon()) for part in parts))
            assert {answer.batch_rows for answer in answers} == {6}
            return [answer.predictions.probabilities for answer in answers]

    for part, result in zip(parts, asyncio.run(scenario()), strict=True):
        np.testing.assert_array_equal(result, by_first_value(part))
    assert engine.batches == [6]


def test_each_request_gets_the_trust_of_its_own_rows(trusted_artifact: Artifact) -> None:
    """Label sets, scores and warnings are computed with the batch and returned for its own rows."""
    engine = FakeEngine(answers)
    parts = [
        np.stack([a_series(logit=3.0), np.zeros(trusted.LENGTH, np.float32)]),
        np.stack([a_series(logit=0.0, novelty=5.0)]),
    ]

    async def scenario() -> list[Predictions]:
        async with started(trusted_artifact, engine) as service:
            found = await asyncio.gather(*(service.predict(part, deadline=soon()) for part in parts))
            return [answer.predictions for answer in found]

    first, second = asyncio.run(scenario())
    assert engine.batches == [3]
    assert first.label_sets is not None
    assert first.warnings is not None
    assert second.ood_scores is not None
    assert first.label_sets.tolist() == [[False, True], [True, True]]
    assert first.warnings.any(axis=1).tolist() == [False, True]
    assert second.ood_scores.tolist() == [1.0]


def test_nothing_is_computed_before_the_engine_is_verified(plain_artifact: Artifact) -> None:
    """A request during startup is refused, and the status has the reason."""

    async def scenario() -> None:
        service = Service(plain_artifact, FakeEngine)
        status = service.status()
        assert (status.started, status.ready, status.alive) == (False, False, True)
        assert status.reasons == ("the service is starting",)
        with pytest.raises(NotReady, match="the service is starting"):
            await service.predict(series(1.0), deadline=soon())
        await service.close(timeout=0)

    asyncio.run(scenario())


def test_an_artifact_that_fails_leaves_the_service_failed(plain_artifact: Artifact) -> None:
    """Status and refused requests have the reason."""

    def load() -> FakeEngine:
        raise ArtifactError("golden answers differ")

    async def scenario() -> None:
        service = Service(plain_artifact, load)
        with pytest.raises(ArtifactError):
            await service.start()
        status = service.status()
        assert (status.state, status.ready, status.alive) == (State.FAILED, False, False)
        assert status.reasons == ("golden answers differ",)
        with pytest.raises(NotReady, match="golden answers differ"):
            await service.predict(series(1.0), deadline=soon())
        await service.close(timeout=0)
        assert service.has_failed

    asyncio.run(scenario())


def test_an_unexpected_failure_to_load_is_an_engine_error(plain_artifact: Artifact) -> None:
    """Any exception of a runtime becomes one line."""

    def load() -> FakeEngine:
        raise MemoryError("too big")

    async def scenario() -> None:
        service = Service(plain_artifact, load)
        with pytest.raises(EngineError, match="the engine could not be loaded: too big"):
            await service.start()
        assert service.status().reasons == ("the engine could not be loaded: too big",)
        await service.close(timeout=0)

    asyncio.run(scenario())


def test_draining_turns_readiness_off_and_keeps_answering(plain_artifact: Artifact) -> None:
    """A load balancer that has not noticed yet loses no request."""

    async def scenario() -> None:
        async with started(plain_artifact, FakeEngine()) as service:
            service.drain()
            status = service.status()
            assert (status.state, status.ready, status.alive) == (State.DRAINING, False, True)
            answer = await service.predict(series(1.0), deadline=soon())
            np.testing.assert_array_equal(answer.predictions.probabilities, by_first_value(series(1.0)))

    asyncio.run(scenario())


def test_closing_answers_what_was_admitted(plain_artifact: Artifact) -> None:
    """The running batch and the queue are finished."""
    engine = FakeEngine()

    async def scenario() -> None:
        async with started(plain_artifact, engine) as service:
            engine.hold()
            callers = [asyncio.create_task(service.predict(series(v), deadline=soon())) for v in (1.0, 2.0)]
            await until(engine.entered.is_set)
            closing = asyncio.create_task(service.close(timeout=60))
            await until(lambda: service.status().state is not State.READY)
            engine.release()
            answers = await asyncio.gather(*callers)
            assert [len(answer.predictions) for answer in answers] == [1, 1]
            await closing
            assert service.status().state is State.CLOSED

    asyncio.run(scenario())


def test_closing_ends_a_start(plain_artifact: Artifact) -> None:
    """`start` returns during loading, and the service admits no requests."""
    loading, may_go_on = threading.Event(), threading.Event()

    def load() -> FakeEngine:
        loading.set()
        assert may_go_on.wait(timeout=60)
        return FakeEngine()

    async def scenario() -> None:
        service = Service(plain_artifact, load, max_inline_rows=1)
        starting = asyncio.create_task(service.start())
        await until(loading.is_set)
        await service.close(timeout=10)
        may_go_on.set()
        async with asyncio.timeout(60):
            await starting
        assert service.status().state is State.CLOSED

    asyncio.run(scenario())


def test_an_engine_that_answers_the_wrong_shape_fails_its_batch_alone(plain_artifact: Artifact) -> None:
    """A wrong answer is an engine error; the next batch is fine."""
    answers = iter([lambda _: np.ones((1, 7), np.float32), by_first_value])
    engine = FakeEngine(lambda s: next(answers)(s))

    async def scenario() -> None:
        async with started(plain_artifact, engine) as service:
            with pytest.raises(EngineError, match=r"the engine returned shape \[1, 7\]; expected \[1, 2\]"):
                await service.predict(series(1.0), deadline=soon())
            answer = await service.predict(series(1.0), deadline=soon())
            assert answer.predictions.probabilities.shape == (1, 2)

    asyncio.run(scenario())


def test_a_hanging_engine_turns_liveness_off(plain_artifact: Artifact) -> None:
    """Probes are answered although the engine's thread hangs, and they report it."""
    engine = FakeEngine()

    async def scenario() -> None:
        async with started(plain_artifact, engine, stall_timeout=0.01) as service:
            engine.hold()
            caller = asyncio.create_task(service.predict(series(1.0), deadline=soon()))
            await until(lambda: not service.status().alive)
            assert service.status().reasons == ("the engine has run one batch for longer than STALL_TIMEOUT",)
            assert not service.status().ready
            engine.release()
            await caller
            assert service.status().alive

    asyncio.run(scenario())


def test_a_deadline_is_kept_though_the_engine_hangs(plain_artifact: Artifact) -> None:
    """The request fails at its deadline, not when the engine returns."""
    engine = FakeEngine()

    async def scenario() -> None:
        async with started(plain_artifact, engine) as service:
            engine.hold()
            with pytest.raises(DeadlineExceeded):
                await service.predict(series(1.0), deadline=soon(0.01))

    asyncio.run(scenario())


def test_series_are_admitted_and_cancelled_without_a_coroutine(plain_artifact: Artifact) -> None:
    """The others get their own rows; cancelled entries are not computed."""
    engine = FakeEngine()

    async def scenario() -> None:
        async with started(plain_artifact, engine) as service:
            engine.hold()
            parts = [series(0.5), series(1.0, 2.0), series(3.0, -3.0, 0.0), series(4.0)]
            running = service.admit(parts[0], deadline=soon())
            await until(engine.entered.is_set)
            first, gone, last = [service.admit(part, deadline=soon()) for part in parts[1:]]
            service.cancel(gone)
            assert gone.future.cancelled()
            engine.release()
            for entry, part in ((running, parts[0]), (first, parts[1]), (last, parts[3])):
                answer = await entry.future
                np.testing.assert_array_equal(answer.result.predictions.probabilities, by_first_value(part))

    asyncio.run(scenario())
    assert engine.batches == [1, 3]


def test_a_prediction_that_is_cancelled_is_not_computed(plain_artifact: Artifact) -> None:
    """Its series leave the queue when its task is cancelled."""
    engine = FakeEngine()

    async def scenario() -> None:
        async with started(plain_artifact, engine) as service:
            engine.hold()
            running = service.admit(series(1.0), deadline=soon())
            await until(engine.entered.is_set)
            gone = asyncio.create_task(service.predict(series(2.0, 3.0), deadline=soon()))
            stays = asyncio.create_task(service.predict(series(4.0), deadline=soon()))
            await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            engine.release()
            assert len((await stays).predictions) == 1
            await running.future

    asyncio.run(scenario())
    assert engine.batches == [1, 1]


def test_a_refused_request_gets_the_reason(plain_artifact: Artifact) -> None:
    """At once, and before any other work if there is no room for one series."""
    engine = FakeEngine()

    async def scenario() -> None:
        async with started(plain_artifact, engine, max_batch_rows=2, max_queue_rows=3) as service:
            assert service.refusal() is None
            engine.hold()
            admitted = [service.admit(series(1.0), deadline=soon())]
            await until(engine.entered.is_set)
            admitted.append(service.admit(series(2.0, 3.0), deadline=soon()))
            assert service.refusal() is None
            with pytest.raises(QueueFull, match="no room for 2 more"):
                service.admit(series(4.0, 5.0), deadline=soon())
            with pytest.raises(ContractViolation, match="3 series; at most 2 a request"):
                service.admit(series(4.0, 5.0, 6.0), deadline=soon())
            with pytest.raises(DeadlineExceeded, match="on arrival"):
                service.admit(series(4.0), deadline=soon(-1.0))
            admitted.append(service.admit(series(4.0), deadline=soon()))
            assert isinstance(service.refusal(), QueueFull)
            service.cancel(admitted.pop())
            assert service.refusal() is None
            engine.release()
            for entry in admitted:
                await entry.future

    asyncio.run(scenario())


def test_a_service_that_is_not_ready_admits_nothing(plain_artifact: Artifact) -> None:
    """Starting, closed or failed, the error names the state; while draining it admits requests."""

    def fail() -> FakeEngine:
        raise ArtifactError("golden answers differ")

    def is_refused(service: Service, why: str) -> None:
        refusal = service.refusal()
        assert isinstance(refusal, NotReady)
        assert str(refusal) == why
        with pytest.raises(NotReady, match=why):
            service.admit(series(1.0), deadline=soon())

    async def scenario() -> None:
        service = Service(plain_artifact, FakeEngine)
        is_refused(service, "the service is starting")
        await service.start()
        service.drain()
        assert service.refusal() is None
        await service.admit(series(1.0), deadline=soon()).future
        await service.close(timeout=0)
        is_refused(service, "the service is closed")
        failed = Service(plain_artifact, fail)
        with pytest.raises(ArtifactError):
            await failed.start()
        is_refused(failed, "the service is failed: golden answers differ")
        await failed.close(timeout=0)

    asyncio.run(scenario())


def test_a_service_that_is_closed_is_freed_by_its_last_reference(plain_artifact: Artifact) -> None:
    """Its artifact is not kept until a full garbage collection, which may be hours away."""

    async def scenario() -> weakref.ref[Service]:
        async with started(plain_artifact, FakeEngine()) as service:
            await service.predict(series(1.0), deadline=soon())
        return weakref.ref(service)

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(scenario())() is None
    finally:
        gc.enable()
