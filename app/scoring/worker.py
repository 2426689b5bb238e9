"""A worker process: loads the model once, and scores the tasks that its coordinator sends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from app.contract import open_artifact
from app.errors import AppError
from app.inference.engines import load_engine
from app.scoring.errors import ScoringError
from app.scoring.ledger import Ledger, Record
from app.scoring.plan import Task
from app.scoring.scorer import ENGINE_ROWS, ScoredShard, TaskScorer
from app.series.readers.rows import RowOptions
from app.store import open_store
from app.system.affinity import pin_worker


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What all workers of a coordinator have in common.

    Attributes:
        artifact: the version folder.
        contract_sha256: of its contract, as the job was planned.
        engine: as the setting `ENGINE`.
        output: folder or URL.
        rows: what to read of files.
        abstain: no label for a series whose label set does not hold exactly one.
        owner: of the leases, for people.
        workers: number of workers.
    """

    artifact: Path
    contract_sha256: str
    engine: str
    output: str
    rows: RowOptions
    abstain: bool
    owner: str
    workers: int


class Ready(NamedTuple):
    """The engine has reproduced the golden answers."""

    description: str


class Scored(NamedTuple):
    """Rows of the current task that were scored since the message before."""

    rows: int


class Computed(NamedTuple):
    """The current task is scored, and its shard is being stored: the worker takes another task."""


class Stored(NamedTuple):
    """The shard of a task is in the output."""

    number: int
    record: Record


class Failed(NamedTuple):
    """The worker cannot go on."""

    reason: str


def run_worker(connection: Connection, options: WorkerOptions, number: int) -> None:
    """Score tasks until the coordinator sends None, or has ended.

    Args:
        connection: takes `Task`s, and gives the messages above.
        options: see there.
        number: of this worker, from 1.
    """
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all processes; the coordinator ends this one
    messages = _Messages(connection)
    with suppress(EOFError, BrokenPipeError), messages.reporting():  # the coordinator has ended
        pin_worker(number=number, workers=options.workers)
        artifact = open_artifact(options.artifact)
        if artifact.contract_sha256 != options.contract_sha256:
            raise ScoringError(f"{options.artifact}: has changed since the job was started; start again")
        engine = load_engine(artifact, choice=options.engine, max_rows=ENGINE_ROWS, threads=1)
        parent = os.getppid()

        def on_rows(rows: int) -> None:
            if os.getppid() != parent:
                raise EOFError
            messages.send(Scored(rows))

        scorer = TaskScorer(engine, artifact.contract, options.rows, abstain=options.abstain, on_rows=on_rows)
        messages.send(Ready(engine.description))
        _score_tasks(connection, messages, scorer, options)


def _score_tasks(
    connection: Connection, messages: _Messages, scorer: TaskScorer, options: WorkerOptions
) -> None:
    """Score a task while the shard of the one before is stored: a store may take as long as a tenth of it."""
    ledger = Ledger(open_store(options.output))

    def store(task: Task, shard: ScoredShard) -> None:
        with messages.reporting():
            messages.send(Stored(task.number, ledger.write_shard(task, shard, options.owner)))

    with ThreadPoolExecutor(1, thread_name_prefix="store") as pool:
        storing: Future[None] | None = None
        while (task := connection.recv()) is not None:
            shard = scorer.score(task)
            if storing is not None:
                storing.result()
            storing = pool.submit(store, task, shard)
            messages.send(Computed())


class _Messages:
    """Sends messages from several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()

    def send(self, message: Any) -> None:
        """Send one; raises BrokenPipeError if the coordinator has ended."""
        with self._lock:
            self._connection.send(message)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Send an expected error of the block instead of raising it."""
        try:
            yield
        except AppError as error:
            self.send(Failed(str(error)))
        except MemoryError:
            self.send(Failed("out of memory; use fewer --processes or smaller --shard-rows"))
