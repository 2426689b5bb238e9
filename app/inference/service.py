"""What every protocol calls: predictions, the model's description, and an honest account of its own state.

It joins an artifact, an engine on its own thread and a batcher. It knows arrays, not bytes, and no HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import math
import weakref
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact, Contract, reason_of
from app.errors import AppError, EngineError, NotReady
from app.inference.answering import Answering
from app.inference.batching import BatchObserver, Entry, MicroBatcher
from app.inference.engines import Engine
from app.inference.engines.inline import LIMITS, LIMITS_ALONE, InlineCalls, inline_batch_rows
from app.inference.predictions import BatchSlice, Postprocessor, Prediction, Series, predict_batch
from app.inference.status import State, Status
from app.system.thread import EngineThread
from app.telemetry.prediction_metrics import PredictionMetrics

log = logging.getLogger(__name__)

# Smaller batches cost more for each series than it gains to read and answer while they run.
_HALVE_ABOVE = 16


class Service:
    """One artifact, served.

    Args:
        artifact: an opened artifact.
        load: makes the engine, proven on the golden answers; called once, on the engine's thread.
        max_batch_rows: most series in a request and in a batch.
        max_queue_rows: most series that wait.
        max_queue_seconds: longest time in the queue, as it is forecast, with which series are admitted.
        max_batch_wait: seconds the first series of a batch may wait for others while the engine is free.
        stall_after: seconds a batch may run before the service calls itself dead.
        most_brief_rows: most series in a batch that is computed on the event loop's thread, if it is brief;
            None for what is usual.
        has_one_processor: whether the loop stands still anyway while the engine's thread computes.
        observer: is told of every event in the batcher.
        predictions: count what is answered; None counts nothing.

    Attributes:
        artifact: as given.
        complete: makes a prediction of what an admitted entry was answered, and counts it.
    """

    def __init__(
        self,
        artifact: Artifact,
        load: Callable[[], Engine],
        *,
        max_batch_rows: int = 256,
        max_queue_rows: int = 131072,
        max_queue_seconds: float = math.inf,
        max_batch_wait: float = 0.0,
        stall_after: float = 30.0,
        most_brief_rows: int | None = 0,
        has_one_processor: bool = False,
        observer: BatchObserver | None = None,
        predictions: PredictionMetrics | None = None,
    ) -> None:
        self.artifact = artifact
        self._load = load
        self._thread = EngineThread()
        self._engine: Engine | None = None
        self._brief: InlineCalls | None = None
        self._brief_limits = LIMITS_ALONE if has_one_processor else LIMITS
        if most_brief_rows is not None:
            self._brief_limits = self._brief_limits._replace(rows=most_brief_rows)
        self._stall_after = stall_after
        self._interpret = Postprocessor(artifact.contract)
        # The second half of `predict`: from what the batcher answers to a prediction, counted.
        self.complete = Answering(artifact.contract, predictions)
        self._state = State.STARTING
        self._failure: str | None = None
        # A batcher that held it would be a circle, and what of a version is given up would stay until a full
        # garbage collection: its artifact, half a megabyte.
        this = weakref.ref(self)
        self._batcher = MicroBatcher[Series, BatchSlice](
            lambda batch: _alive(this)._run(batch),  # noqa: SLF001 - its own
            max_rows=max_batch_rows,
            max_queue_rows=max_queue_rows,
            max_queue_seconds=max_queue_seconds,
            max_wait=max_batch_wait,
            halve_above=None if has_one_processor else _HALVE_ABOVE,
            stall_after=stall_after,
            observer=observer,
        )

    @property
    def contract(self) -> Contract:
        """What the artifact promises."""
        return self.artifact.contract

    @property
    def engine_description(self) -> str | None:
        """The engine that runs, for people; None until it does."""
        return self._engine.description if self._engine else None

    @property
    def has_failed(self) -> bool:
        """Whether the engine could not be made or proven."""
        return self._state is State.FAILED

    @property
    def is_draining(self) -> bool:
        """Whether it has been asked to stop."""
        return self._state in (State.DRAINING, State.CLOSED)

    async def start(self) -> None:
        """Load, warm and prove the engine, then take requests.

        Raises:
            AppError: the artifact or the engine does not work; the service stays failed.
        """
        try:
            # One call: a second would find the thread closed by who stops in the meantime, and wait for ever.
            engine, rows = await self._thread.run(self._load_and_measure)
        except AppError as error:
            self._fail(str(error))
            raise
        except Exception as error:
            reason = reason_of(error)
            self._fail(f"{type(error).__name__}: {reason}")
            raise EngineError(f"the engine could not be made: {reason}") from error
        self._engine = engine
        if self._state is State.STARTING:  # not asked to stop in the meantime
            if rows:
                self._brief = InlineCalls(rows=rows, limit=self._stall_after)
            self._batcher.start(gather_rows=rows)
            self._state = State.READY
            contract = self.contract
            log.info("ready: %s/%d on %s", contract.name, contract.version, engine.description)

    async def predict(
        self,
        series: Series,
        *,
        deadline: float,
        coarse: NDArray[np.bool_] | None = None,
        abstain: bool = False,
    ) -> Prediction:
        """Predictions for series `float32[n, *SeriesSpec.shape]`, counted: for whoever waits in a coroutine.

        Args:
            series: C-contiguous, finite.
            deadline: on the event loop's clock.
            coarse: `bool[n]`, which series get the warning `precision_lost`; None where none does.
            abstain: give no label to a series whose label set does not hold exactly one.

        Raises:
            NotReady: starting, closing, closed or broken.
            ContractViolation: more series than a batch takes.
            QueueFull: no room, or the wait would be too long.
            DeadlineExceeded: no answer in time.
            EngineError: the engine failed on this batch, or gave a number that is none.
        """
        if unready := self._unready():
            raise unready
        answer = await self._batcher.submit(series, rows=len(series), deadline=deadline)
        return self.complete(answer, coarse=coarse, abstain=abstain)

    def admit(self, series: Series, *, deadline: float) -> Entry[Series, BatchSlice]:
        """Put series into the queue at once: the first half of `predict`, for those who need no coroutine.

        Returns:
            What waits: its `caller` gets what `complete` takes, or an error as `predict` raises it.

        Raises:
            NotReady: starting, closing, closed or broken.
            ContractViolation: more series than a batch takes.
            QueueFull: no room, or the wait would be too long.
            DeadlineExceeded: the deadline has passed.
        """
        if unready := self._unready():
            raise unready
        return self._batcher.admit(series, rows=len(series), deadline=deadline)

    def withdraw(self, entry: Entry[Series, BatchSlice]) -> None:
        """Nobody waits for an answer any more."""
        self._batcher.withdraw(entry)

    def refusal(self) -> AppError | None:
        """What whoever comes now is told, before any work is done for it; None if one series is admitted."""
        return self._unready() or self._batcher.refusal()

    def _unready(self) -> NotReady | None:
        if self._state in (State.READY, State.DRAINING):
            return None
        return NotReady(f"the service is {self._state}" + (f": {self._failure}" if self._failure else ""))

    def status(self) -> Status:
        """The state, read from memory: cheap, and never waits for the engine."""
        reasons = []
        if self._state is not State.READY:
            reasons.append(self._failure or f"the service is {self._state}")
        if self._batcher.failure:
            reasons.append(f"the batcher stopped: {self._batcher.failure}")
        if self._batcher.stalled:
            reasons.append("the engine has been at one batch for too long")
        broken = bool(self._batcher.failure or self._batcher.stalled)
        return Status(
            state=self._state,
            started=self._state not in (State.STARTING, State.FAILED),
            ready=self._state is State.READY and not broken,
            alive=self._state is not State.FAILED and not broken,
            reasons=tuple(reasons),
        )

    def drain(self) -> None:
        """Say no to readiness, and go on answering: balancers need a while to notice."""
        if self._state in (State.STARTING, State.READY):
            self._state = State.DRAINING if self._engine else State.CLOSED

    async def close(self, *, timeout: float) -> None:
        """Admit nothing more, finish the admitted within `timeout` seconds, fail the rest with `NotReady`."""
        self.drain()
        await self._batcher.close(timeout=timeout)
        if self._state is not State.FAILED:
            self._state = State.CLOSED
        self._thread.close()
        if self._brief is not None:
            self._brief.close()
        self._engine = None  # its memory is given back now, not when the garbage collector comes round

    def _load_and_measure(self) -> tuple[Engine, int]:
        engine = self._load()
        return engine, inline_batch_rows(engine, self.contract.input.spec, limits=self._brief_limits)

    def _fail(self, reason: str) -> None:
        self._state, self._failure = State.FAILED, reason

    async def _run(self, batch: Sequence[Series]) -> list[BatchSlice]:
        assert self._engine is not None  # noqa: S101 - the batcher starts after the engine
        compute = partial(predict_batch, self._engine, self._interpret, batch)
        if self._brief is None or sum(map(len, batch)) > self._brief.rows:
            return await self._thread.run(compute)
        if self._batcher.queued_rows:
            await asyncio.sleep(0)  # a queue of many small batches must not keep the loop from all else
        return self._brief.run(compute)


def _alive(service: weakref.ref[Service]) -> Service:
    found = service()
    assert found is not None  # noqa: S101 - whoever closes it holds it until its last batch is done
    return found
