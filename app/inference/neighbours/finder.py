"""Finds neighbours for one version. Nothing is read, compiled or allocated before the first search."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.contract import Artifact, reason_of
from app.contract.neighbours import NeighbourFile, NeighboursSpec, nearest, read_neighbours
from app.errors import AppError, DeadlineExceeded, EngineError, NotReady, QueueFull
from app.inference.batching import CHUNK_SECONDS, BackgroundQueue, Chunk
from app.inference.engines import Engine
from app.inference.engines.inline import Limits, inline_batch_rows
from app.inference.engines.loading import EMBEDDER_ROWS
from app.inference.neighbours.results import NeighbourOptions, Neighbours
from app.system.file_reads import read_off_loop
from app.system.thread import EngineThread

# Loads an engine for embeddings that reproduces those of the golden series; `runtime` is `Engine.name`.
LoadEmbedder = Callable[[NeighboursSpec, NDArray[np.float32], str], Engine]

# A model that takes longer for one series runs one at a time.
CHUNK = Limits(rows=EMBEDDER_ROWS, seconds=CHUNK_SECONDS)
# Requests whose neighbours are searched for at once; further ones get 429. A search of 256 series among 3,600
# takes 0.04 s.
MAX_SEARCHES = 32
# After an index could not be opened, requests fail at once for so many seconds.
RETRY_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Opened:
    """An index, and what it takes to search in it."""

    index: NeighbourFile
    embedder: Engine
    chunk_rows: int


class NeighbourFinder:
    """Finds the neighbours of series in the index of one version.

    Args:
        artifact: whose contract has an index.
        spec: of the index.
        load_embedder: called at the first search, on a thread of its own.
        background: the engine's thread computes embeddings from here, between batches of predictions.
    """

    def __init__(
        self,
        artifact: Artifact,
        spec: NeighboursSpec,
        load_embedder: LoadEmbedder,
        background: BackgroundQueue,
    ) -> None:
        self._artifact = artifact
        self._spec = spec
        self._load_embedder = load_embedder
        self._background = background
        self._opening: asyncio.Task[_Opened] | None = None
        self._retry_at = 0.0
        self._thread: EngineThread | None = None
        self._searches = 0
        self._closed = False

    async def find(
        self, series: NDArray[np.float32], options: NeighbourOptions, *, runtime: str, deadline: float
    ) -> Neighbours:
        """Find the neighbours of series.

        Args:
            series: `float32[n, *SeriesSpec.shape]`.
            options: of the search.
            runtime: that computes predictions: `Engine.name`.
            deadline: on the event loop's clock.

        Raises:
            QueueFull: too many searches, or too many series in the background queue.
            DeadlineExceeded: no result before the deadline.
            NotReady: the service is closing.
            EngineError: the index or the engine cannot be used.
        """
        if self._closed:
            raise NotReady("the service is shutting down")
        if self._searches >= MAX_SEARCHES:
            raise QueueFull(f"{self._searches} searches for neighbours are running; try again in 1 s")
        self._searches += 1
        try:
            async with asyncio.timeout_at(deadline):
                return await self._find(series, options, runtime, deadline)
        except TimeoutError:
            raise DeadlineExceeded("the deadline passed while neighbours were searched for") from None
        finally:
            self._searches -= 1

    async def close(self, *, timeout: float) -> None:
        """Refuse searches; wait at most `timeout` seconds for an engine that is still being loaded."""
        self._closed = True
        if self._opening is not None:
            await asyncio.wait({self._opening}, timeout=timeout)
        self._opening = None  # frees the engine
        if self._thread is not None:
            self._thread.close()

    async def _find(
        self, series: NDArray[np.float32], options: NeighbourOptions, runtime: str, deadline: float
    ) -> Neighbours:
        opened = await self._opened(runtime)
        parts = [series[i : i + opened.chunk_rows] for i in range(0, len(series), opened.chunk_rows)]
        chunks = [Chunk(partial(opened.embedder.predict, part), len(part)) for part in parts]
        result = await self._background.submit(chunks, deadline=deadline)
        if self._thread is None:
            self._thread = EngineThread(name="neighbours")
        return await self._thread.run(partial(_search, opened.index, result.results, options))

    async def _opened(self, runtime: str) -> _Opened:
        """The opened index; one attempt for all who wait, and none for a while after it failed."""
        task = self._opening
        if task is None or (task.done() and task.exception() and self._now() >= self._retry_at):
            task = self._opening = asyncio.create_task(self._open(runtime))
            task.add_done_callback(_retrieve)
        try:
            return await asyncio.shield(task)
        except AppError as error:
            # A new error for each request: a shared one collects tracebacks.
            raise EngineError("this version's index of neighbours cannot be used; see the log") from error

    async def _open(self, runtime: str) -> _Opened:
        try:
            opened = await read_off_loop(partial(self._read_and_load, runtime))
        except Exception as error:
            self._retry_at = self._now() + RETRY_SECONDS
            reason = str(error) if isinstance(error, AppError) else reason_of(error)
            log.error("neighbours of version %d: %s", self._artifact.contract.version, reason)  # noqa: TRY400
            raise EngineError(reason) from error
        size = f"{self._spec.number:,} training series, {self._spec.bytes / 1e6:.1f} MB"
        log.info("neighbours of version %d: index opened (%s)", self._artifact.contract.version, size)
        return opened

    def _read_and_load(self, runtime: str) -> _Opened:
        contract, spec = self._artifact.contract, self._spec
        index = read_neighbours(
            self._artifact.folder / spec.file,
            spec,
            contract.input.spec,
            sha256=contract.files[spec.file],
            golden=len(self._artifact.golden.series),
            classes=contract.classes,
        )
        embedder = self._load_embedder(spec, index.golden, runtime)
        rows = inline_batch_rows(embedder, contract.input.spec, limits=CHUNK)
        return _Opened(index, embedder, max(1, rows))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _retrieve(task: asyncio.Task[_Opened]) -> None:
    """Mark an error as seen: all who waited may have left, and it is logged."""
    if not task.cancelled():
        task.exception()


def _search(
    index: NeighbourFile, embeddings: list[NDArray[np.float32]], options: NeighbourOptions
) -> Neighbours:
    queries = np.concatenate(embeddings)
    if not np.isfinite(queries).all():
        raise EngineError("the engine returned an embedding that is not finite")
    found, distances = nearest(index.embeddings, queries, options.k)
    series = None
    if index.series is not None and options.with_series is not False:
        restored = index.series.restore(found.ravel())
        series = restored.reshape(*found.shape, *restored.shape[1:])
    rows, targets = (array[found].astype(np.int64) for array in (index.rows, index.targets))
    return Neighbours(rows, targets, distances, series)
