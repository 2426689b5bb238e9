"""A worker process: loads the model once, and scores the tasks that its coordinator sends."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from app.contract import open_artifact
from app.errors import AppError
from app.inference.engines import load_engine
from app.scoring.errors import ScoringError
from app.scoring.ledger import Ledger, Record
from app.scoring.plan import Task
from app.scoring.scorer import ENGINE_ROWS, TaskScorer
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


class Stored(NamedTuple):
    """The shard of the current task is in the output."""

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
    parent = os.getppid()
    try:
        _score_tasks(connection, options, number, parent)
    except AppError as error:
        connection.send(Failed(str(error)))
    except MemoryError:
        connection.send(Failed("out of memory; use fewer --processes or smaller --shard-rows"))
    except (EOFError, BrokenPipeError):
        pass  # the coordinator has ended


def _score_tasks(connection: Connection, options: WorkerOptions, number: int, parent: int) -> None:
    pin_worker(number=number, workers=options.workers)
    artifact = open_artifact(options.artifact)
    if artifact.contract_sha256 != options.contract_sha256:
        raise ScoringError(f"{options.artifact}: has changed since the job was started; start again")
    engine = load_engine(artifact, choice=options.engine, max_rows=ENGINE_ROWS, threads=1)

    def on_rows(rows: int) -> None:
        if os.getppid() != parent:
            raise EOFError
        connection.send(Scored(rows))

    scorer = TaskScorer(engine, artifact.contract, options.rows, abstain=options.abstain, on_rows=on_rows)
    ledger = Ledger(open_store(options.output))
    connection.send(Ready(engine.description))
    while (task := connection.recv()) is not None:
        connection.send(Stored(_stored(ledger, scorer, task, options.owner)))


def _stored(ledger: Ledger, scorer: TaskScorer, task: Task, owner: str) -> Record:
    return ledger.write_shard(task, scorer.score(task), owner)
