"""Small jobs whose expected results are known: FordA's contract, and an engine that computes with NumPy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.contract import Contract
from app.scoring.inputs import find_inputs
from app.scoring.ledger import Ledger
from app.scoring.plan import Plan, make_plan
from app.scoring.pool import Worker
from app.scoring.scorer import TaskScorer
from app.scoring.worker import Computed, Ready, Scored, Stored
from app.series.manifest import MANIFEST, Manifest
from app.series.readers.rows import RowOptions
from tests.support.fakes import FakeEngine, by_first_value


def outputs(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities by the first value of a series, and a usual novelty."""
    return np.column_stack([by_first_value(series), np.zeros(len(series), np.float32)])


def some_series(rows: int, length: int = 500) -> NDArray[np.float32]:
    """Series `float32[rows, length]` whose first values differ."""
    values = np.sin(np.arange(rows * length, dtype=np.float32)).reshape(rows, length)
    values[:, 0] = np.linspace(-3, 3, rows)
    return values


def scorer_of(contract: Contract, *, abstain: bool = False, options: RowOptions | None = None) -> TaskScorer:
    """Scores with the engine of this module."""
    return TaskScorer(
        FakeEngine(outputs), contract, options or RowOptions(), abstain=abstain, on_rows=lambda _: None
    )


def scored(contract: Contract, *names: Path | str, abstain: bool = False) -> Any:
    """The table of all rows of files, in order; scored in this process."""
    scorer = scorer_of(contract, abstain=abstain)
    plan = plan_of(contract, *names)
    contents = [scorer.score(task).content for task in plan.tasks()]
    return pa.concat_tables([pq.read_table(pa.BufferReader(content)) for content in contents])


def plan_of(contract: Contract, *names: Path | str, rows: int = 16) -> Plan:
    """The plan of a job with small tasks."""
    inputs = [str(name) for name in names]
    job = {"inputs": inputs, "options": {}, "model": {"name": contract.name, "version": contract.version}}
    return make_plan(job, find_inputs(inputs), contract.input.spec, rows)


def result_of(output: Path) -> list[tuple[str, int]]:
    """File and row of each row of a complete job; checks the digests of the manifest on the way."""
    document = json.loads((output / MANIFEST).read_bytes())
    manifest = Manifest(output, document["job"])
    manifest.load()
    assert len(manifest.shards) == len(document["shards"])
    found: list[tuple[str, int]] = []
    for shard in manifest.shards:
        table = pq.read_table(output / shard.name)
        assert len(table) == shard.rows
        found += zip(table["file"].to_pylist(), table["row"].to_pylist(), strict=True)
    return found


class OwnPool:
    """Workers of a pool that score in this process, a step at each call of `messages`.

    Args:
        scorer: of tasks.
        ledger: of the job, as the workers use it.
    """

    def __init__(self, scorer: TaskScorer, ledger: Ledger) -> None:
        self._scorer, self._ledger = scorer, ledger
        worker: Any = object()
        self._workers = [Worker(number, worker, worker) for number in (1, 2)]

    @property
    def idle(self) -> list[Worker]:
        """As of `WorkerPool`."""
        return [worker for worker in self._workers if worker.is_ready and worker.task is None]

    def give(self, worker: Worker, task: Any) -> None:
        """As of `WorkerPool`."""
        worker.task = task

    def messages(self, timeout: float) -> Iterator[tuple[Worker, Any]]:  # noqa: ARG002
        """The model is loaded at once, and a task is scored when it is asked for."""
        for worker in self._workers:
            if not worker.is_ready:
                worker.is_ready = True
                yield worker, Ready("a fake engine")
            elif worker.task is not None:
                task = worker.task
                shard = self._scorer.score(task)
                yield worker, Scored(shard.rows)
                yield worker, Computed()
                yield worker, Stored(task.number, self._ledger.write_shard(task, shard, "a test"))
