"""The use cases that every protocol calls: predict, and report status.

A service joins an artifact, an engine on its own thread and a batcher. It knows arrays, no bytes and no HTTP.
"""

from __future__ import annotations

import logging
import math
import weakref
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact, Contract
from app.errors import AppError, EngineError, NotReady
from app.inference.batching import BackgroundObserver, BackgroundQueue, BatchObserver, Entry, MicroBatcher
from app.inference.drift_counter import DriftCounter
from app.inference.engine_runner import EngineRunner
from app.inference.engines import Engine
from app.inference.engines.inline import LIMITS, LIMITS_ONE_CORE
from app.inference.explanation import ExplainOptions, Explanations
from app.inference.explanation.explainer import Explainer
from app.inference.neighbours import LoadEmbedder, NeighbourFinder, NeighbourOptions, Neighbours
from app.inference.prediction_builder import PredictionBuilder
from app.inference.predictions import BatchSlice, Prediction, Series
from app.inference.status import State, Status
from app.telemetry.drift.monitor import DriftMonitor
from app.telemetry.prediction_metrics import PredictionMetrics

log = logging.getLogger(__name__)

# In smaller batches, the higher cost of each series outweighs the overlap with the event loop's work.
_HALVE_ABOVE = 16


class Service:
    """Serves one artifact.

    Args:
        artifact: an opened artifact.
        load: makes an engine that is verified on the golden answers; called once, on the engine's thread.
        max_batch_rows: most series in a request and in a batch.
        max_queue_rows: most series in the queue.
        max_queue_seconds: longest estimated time in the queue with which series are admitted.
        max_batch_wait: seconds the first series of a batch may wait for others while the engine is free.
        stall_timeout: seconds a batch may run before liveness turns off.
        max_inline_rows: most series in a batch that is computed on the event loop's thread, if it is short
            enough; None for the default.
        has_one_core: whether the engine's thread blocks the event loop anyway while it computes.
        background_rows: most series in the background queue.
        background_share: part of the engine's time that the background queue gets while predictions always
            wait.
        max_variants: most variants in a request for explanations.
        load_embedder: makes the engine of neighbours, called at the first search for them; None if the
            contract has no index.
        observer: receives the events of the batcher.
        background_observer: receives the events of the background queue.
        predictions: counts predictions; None counts nothing.
        drift: compares the series with the artifact's reference; None compares nothing.

    Attributes:
        artifact: as given.
        drift: as given.
        complete: the second half of `predict`: makes and counts the prediction of an admitted entry.
        background: calls of the engine with a lower priority than predictions.
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
        stall_timeout: float = 30.0,
        max_inline_rows: int | None = 0,
        has_one_core: bool = False,
        background_rows: int = 16384,
        background_share: float = 0.05,
        max_variants: int = 4096,
        load_embedder: LoadEmbedder | None = None,
        observer: BatchObserver | None = None,
        background_observer: BackgroundObserver | None = None,
        predictions: PredictionMetrics | None = None,
        drift: DriftMonitor | None = None,
    ) -> None:
        self.artifact = artifact
        self.drift = drift
        limits = LIMITS_ONE_CORE if has_one_core else LIMITS
        if max_inline_rows is not None:
            limits = limits._replace(rows=max_inline_rows)
        self._runner = EngineRunner(
            artifact.contract, load, inline_limits=limits, stall_timeout=stall_timeout
        )
        self.complete = PredictionBuilder(
            artifact.contract, predictions, None if drift is None else DriftCounter(drift)
        )
        self._state = State.STARTING
        self._failure: str | None = None
        self.background = BackgroundQueue(
            self._runner.thread.run,
            max_rows=background_rows,
            share=background_share,
            observer=background_observer,
        )
        self._explainer = Explainer(artifact.contract, self.background, max_variants=max_variants)
        self._finder = None
        if load_embedder is not None and (spec := artifact.contract.neighbours) is not None:
            self._finder = NeighbourFinder(artifact, spec, load_embedder, self.background)
        # Weak, not to be a cycle: an unloaded version would keep its artifact (0.5 MB) until a full garbage
        # collection.
        this = weakref.ref(self)
        self._batcher = MicroBatcher[Series, BatchSlice](
            lambda batch: _alive(this)._run(batch),  # noqa: SLF001 - own method
            max_rows=max_batch_rows,
            max_queue_rows=max_queue_rows,
            max_queue_seconds=max_queue_seconds,
            max_wait=max_batch_wait,
            halve_above=None if has_one_core else _HALVE_ABOVE,
            stall_timeout=stall_timeout,
            background=self.background,
            observer=observer,
        )

    @property
    def contract(self) -> Contract:
        """The contract of the artifact."""
        return self.artifact.contract

    @property
    def engine_description(self) -> str | None:
        """The engine, for people; None until it is loaded."""
        engine = self._runner.engine
        return engine.description if engine else None

    @property
    def has_failed(self) -> bool:
        """Whether the engine could not be loaded or verified."""
        return self._state is State.FAILED

    @property
    def is_draining(self) -> bool:
        """Whether shutdown has begun."""
        return self._state in (State.DRAINING, State.CLOSED)

    async def start(self) -> None:
        """Load, warm and verify the engine, then admit requests.

        Raises:
            AppError: the artifact or the engine does not work; the service stays failed.
        """
        try:
            engine = await self._runner.start()
        except AppError as error:
            self._state, self._failure = State.FAILED, str(error)
            raise
        if self._state is State.STARTING:  # shutdown did not begin meanwhile
            self._runner.admit_inline()
            self._batcher.start(gather_rows=self._runner.inline_rows)
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
        """Predict series `float32[n, *SeriesSpec.shape]` and count the predictions.

        Args:
            series: C-contiguous, finite.
            deadline: on the event loop's clock.
            coarse: `bool[n]`, which series get the warning `precision_lost`; None for no series.
            abstain: give no label to a series unless its label set has exactly one.

        Raises:
            NotReady: starting, closing, closed or broken.
            ContractViolation: more series than `max_batch_rows`.
            QueueFull: no room, or the wait would be too long.
            DeadlineExceeded: no result before the deadline.
            EngineError: the engine failed on this batch, or returned a number that is not finite.
        """
        if unready := self._unready():
            raise unready
        result = await self._batcher.submit(series, rows=len(series), deadline=deadline)
        return self.complete(result, coarse=coarse, abstain=abstain)

    def admit(self, series: Series, *, deadline: float) -> Entry[Series, BatchSlice]:
        """Put series into the queue without waiting: the first half of `predict`.

        Returns:
            The entry. Its `future` gets the argument of `complete`, or an error as `predict` raises it.

        Raises:
            NotReady: starting, closing, closed or broken.
            ContractViolation: more series than `max_batch_rows`.
            QueueFull: no room, or the wait would be too long.
            DeadlineExceeded: the deadline has passed.
        """
        if unready := self._unready():
            raise unready
        return self._batcher.admit(series, rows=len(series), deadline=deadline)

    async def explain(self, series: Series, options: ExplainOptions, *, deadline: float) -> Explanations:
        """Explain the probability of a class for series `float32[n, *SeriesSpec.shape]`.

        Variants are computed in chunks of about 2 ms, behind predictions. Cancelling the call ends it.

        Args:
            series: C-contiguous, finite.
            options: which class, and how many regions.
            deadline: on the event loop's clock.

        Raises:
            NotReady: starting, closing, closed or broken.
            NotSealed: the version was sealed without an explanation reference.
            ContractViolation: a number of the options is out of range, or there are too many variants.
            QueueFull: no room in the background queue, or it would not be done before the deadline.
            DeadlineExceeded: it was not done before the deadline.
            EngineError: the engine failed, or returned a number that is not finite.
        """
        if unready := self._unready():
            raise unready
        engine = self._runner.engine
        assert engine is not None  # noqa: S101 - the service is ready
        return await self._explainer.explain(series, options, engine=engine, deadline=deadline)

    async def neighbours(self, series: Series, options: NeighbourOptions, *, deadline: float) -> Neighbours:
        """Find the training series that are nearest to series, in the model's embedding.

        Args:
            series: `float32[n, *SeriesSpec.shape]`, finite.
            options: of the search.
            deadline: on the event loop's clock.

        Raises:
            NotReady: starting, closing, closed or broken.
            QueueFull: too many searches, or too many series in the background queue.
            DeadlineExceeded: no result before the deadline.
            EngineError: the version has no index, or the index or the engine cannot be used.
        """
        if unready := self._unready():
            raise unready
        engine = self._runner.engine
        if self._finder is None or engine is None:
            raise EngineError("this version has no index of neighbours")
        return await self._finder.find(series, options, runtime=engine.name, deadline=deadline)

    def cancel(self, entry: Entry[Series, BatchSlice]) -> None:
        """Cancel an admitted entry: its client has disconnected, say."""
        self._batcher.cancel(entry)

    def refusal(self) -> AppError | None:
        """The error for a new request, before any other work; None if one series would be admitted."""
        return self._unready() or self._batcher.refusal()

    def _unready(self) -> NotReady | None:
        if self._state in (State.READY, State.DRAINING):
            return None
        return NotReady(f"the service is {self._state}" + (f": {self._failure}" if self._failure else ""))

    def status(self) -> Status:
        """The current state; cheap, and never waits for the engine."""
        reasons = []
        if self._state is not State.READY:
            reasons.append(self._failure or f"the service is {self._state}")
        if self._batcher.failure:
            reasons.append(f"the batcher stopped: {self._batcher.failure}")
        if self._batcher.stalled:
            reasons.append("the engine has run one batch for longer than STALL_TIMEOUT")
        broken = bool(self._batcher.failure or self._batcher.stalled)
        return Status(
            state=self._state,
            started=self._state not in (State.STARTING, State.FAILED),
            ready=self._state is State.READY and not broken,
            alive=self._state is not State.FAILED and not broken,
            reasons=tuple(reasons),
        )

    def drain(self) -> None:
        """Turn readiness off and keep answering: load balancers need time to notice."""
        if self._state in (State.STARTING, State.READY):
            self._state = State.DRAINING if self._runner.engine else State.CLOSED

    async def close(self, *, timeout: float) -> None:
        """Stop admission, finish admitted requests within `timeout` seconds, then fail the rest."""
        self.drain()
        await self._batcher.close(timeout=timeout)
        if self._state is not State.FAILED:
            self._state = State.CLOSED
        if self._finder is not None:
            await self._finder.close(timeout=timeout)
        self._runner.close()
        if self.drift is not None:
            self.drift.close()

    def _run(self, batch: Sequence[Series]) -> Awaitable[list[BatchSlice]]:
        return self._runner.run(batch, is_last=not self._batcher.queued_rows)


def _alive(service: weakref.ref[Service]) -> Service:
    found = service()
    assert found is not None  # noqa: S101 - `close` holds it until its last batch is done
    return found
