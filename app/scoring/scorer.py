"""Scores one task: reads its rows, computes their predictions, and makes the shard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np

from app.contract import Contract
from app.errors import UnreadableSeries
from app.inference.engines import Engine
from app.inference.predictions import Postprocessor, Predictions, with_precision_lost
from app.scoring.inputs import opened
from app.scoring.plan import Task
from app.scoring.shard_table import ShardTable, ShardWriter
from app.series.offset import narrow
from app.series.readers.parts import read_part
from app.series.readers.rows import RowOptions, Rows

# Of one call of the engine and of what follows: 256 series of 500 values fit into a core's caches.
ENGINE_ROWS = 256

T = TypeVar("T")


class ScoredShard(NamedTuple):
    """The result of a task.

    Attributes:
        content: a Parquet file with a row for each row of the input.
        rows: in it.
        bad: those that have no prediction.
        problem: why the file could not be read to its end; empty if it could.
    """

    content: bytes
    rows: int
    bad: int
    problem: str = ""


class TaskScorer:
    """Scores tasks with an engine.

    Args:
        engine: loaded and verified.
        contract: of its model.
        options: what to read of files.
        abstain: no label for a series whose label set does not hold exactly one.
        on_rows: called with the number of rows after each batch.
    """

    def __init__(
        self,
        engine: Engine,
        contract: Contract,
        options: RowOptions,
        *,
        abstain: bool,
        on_rows: Callable[[int], None],
    ) -> None:
        self._engine, self._options, self._on_rows = engine, options, on_rows
        self._spec = contract.input.spec
        self._postprocess = Postprocessor(contract)
        self._table = ShardTable(contract, abstain=abstain)

    def score(self, task: Task) -> ScoredShard:
        """Score the rows of a task. A damaged file has the rows that could be read, and its problem.

        Raises:
            ScoringError: the file has changed since the job was planned.
            StoreError: the store of the file does not answer.
            EngineError: the engine fails.
        """
        writer, bad, problem = ShardWriter(self._table.schema), 0, ""
        try:
            with opened(task.file) as source:
                for rows in read_ahead(read_part(source, self._spec, self._options, task.part)):
                    table = self._scored(task.file.name, rows)
                    bad += len(table) - table.column("error").null_count
                    writer.add(table)
                    self._on_rows(len(table))
        except UnreadableSeries as error:
            problem = str(error)
        return ScoredShard(writer.finish(), writer.rows, bad, problem)

    def _scored(self, file: str, rows: Rows) -> Any:
        predictions = _joined([self._predicted(part) for part in _slices(rows.values)])
        return self._table.table(file, rows.numbers, predictions, rows.bad)

    def _predicted(self, values: np.ndarray[Any, Any]) -> Predictions:
        narrowed = narrow(values, is_invariant=self._spec.is_invariant)
        outputs = self._engine.predict(narrowed.series)
        predictions = self._postprocess(narrowed.series, outputs)
        coarse = narrowed.coarse if narrowed.coarse is not None else np.zeros(len(values), np.bool_)
        return with_precision_lost(predictions, coarse)


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield items while the next one is made on a thread: a store answers while the engine computes."""
    with ThreadPoolExecutor(1, thread_name_prefix="read") as pool:
        end = object()
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]


def _slices(values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    # Without rows, one empty slice: its predictions have the right columns.
    return [values[first : first + ENGINE_ROWS] for first in range(0, max(1, len(values)), ENGINE_ROWS)]


def _joined(parts: list[Predictions]) -> Predictions:
    if len(parts) == 1:
        return parts[0]

    def join(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if arrays[0] is None else np.concatenate(arrays)

    return Predictions(join("probabilities"), join("label_sets"), join("ood_scores"), join("warnings"))
