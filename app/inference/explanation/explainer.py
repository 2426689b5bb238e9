"""The use case: explain series with a version's sealed reference, in chunks of about 2 ms."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.contract import Contract
from app.errors import ContractViolation
from app.inference.batching import CHUNK_SECONDS, BackgroundQueue, Chunk
from app.inference.engines import Engine
from app.inference.engines.base import any_series
from app.inference.explanation.computation import Computation
from app.inference.explanation.options import ExplainOptions, sealed_perturbations
from app.inference.explanation.results import Explanations
from app.inference.explanation.variants import check_options, chunks_of, perturbations_of
from app.series.perturbations import MedianSpectrum, single_regions

# Larger batches take no less time for each row.
_MOST_CHUNK_ROWS = 256
# Before the first explanation, a row's time is measured in so many chunks of so many rows: FordA, 1 ms each.
_TRIALS, _TRIAL_ROWS = 5, 16


class Explainer:
    """Explains series of one version.

    Args:
        contract: of the version.
        queue: runs the chunks.
        max_variants: most variants of a request, the series themselves included.
        clock: measures durations.
    """

    def __init__(
        self,
        contract: Contract,
        queue: BackgroundQueue,
        *,
        max_variants: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._contract = contract
        self._queue = queue
        self._max_variants = max_variants
        if reference := contract.perturbations:
            self._spectrum = MedianSpectrum(np.array(reference.median_power), reference.is_relative)
        self._rows: int | None = None

    async def explain(
        self, series: NDArray[np.float32], options: ExplainOptions, *, engine: Engine, deadline: float
    ) -> Explanations:
        """Explain series; see `Service.explain`.

        Args:
            series: `float32[n, *SeriesSpec.shape]`.
            options: which class, and how many regions.
            engine: computes the variants.
            deadline: on the event loop's clock.
        """
        contract = self._contract
        reference = sealed_perturbations(contract)
        check_options(options, spec=contract.input.spec, classes=contract.classes)
        self._check_size(len(series), options)
        perturbations = perturbations_of(options, reference, contract.input.spec, self._spectrum)
        computation = Computation(
            series,
            perturbations,
            target=options.target,
            classes=contract.classes,
            most_novelty=contract.trust.novelty.threshold if contract.trust else None,
            predict=engine.predict,
        )

        if self._rows is None:
            self._rows = await self._measure(engine, deadline)
        rows = self._rows

        def chunks() -> Iterator[Chunk[None]]:
            for pieces in chunks_of(len(series), perturbations, rows=rows):
                yield Chunk(partial(computation.run, pieces), sum(piece.rows for piece in pieces))

        done = await self._queue.submit(chunks(), deadline=deadline)
        return computation.result(queued=done.queued, ran=done.ran)

    async def _measure(self, engine: Engine, deadline: float) -> int:
        """How many variants a chunk can have: as many as take `CHUNK_SECONDS`, and at least one."""
        reference, spec = sealed_perturbations(self._contract), self._contract.input.spec
        # Cells take the longest to make.
        options = ExplainOptions(windows=0, bands=0, cells=(reference.cells.windows, reference.cells.bands))
        [cells] = perturbations_of(options, reference, spec, self._spectrum).values()
        # No more than a request may have: so many always fit into an empty queue.
        rows = min(cells.regions, engine.batch_sizes[-1], _TRIAL_ROWS, self._max_variants)
        [series], chosen = any_series(1, spec), single_regions(cells.regions, 0, rows)

        def trial() -> float:
            began = self._clock()
            engine.predict(cells(series, chosen))
            return self._clock() - began

        trials = [await self._queue.submit([Chunk(trial, rows)], deadline=deadline) for _ in range(_TRIALS)]
        row = max(min(seconds for done in trials for seconds in done.results) / rows, 1e-9)
        return max(1, min(_MOST_CHUNK_ROWS, int(CHUNK_SECONDS / row)))

    def _check_size(self, count: int, options: ExplainOptions) -> None:
        variants = count * (1 + options.variants)
        if variants > self._max_variants:
            message = (
                f"{count} series with {options.variants:,} regions each are {variants:,} variants, the "
                f"series included; at most {self._max_variants:,} a request (EXPLAIN_MAX_VARIANTS)"
            )
            raise ContractViolation([("instances", message)])
