"""The worker processes of one coordinator."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any

from app.scoring.errors import ScoringError
from app.scoring.plan import Task
from app.scoring.worker import Failed, Ready, WorkerOptions, run_worker

# For a worker to end after SIGTERM.
_END_SECONDS = 5


@dataclass(eq=False, slots=True)
class Worker:
    """A worker process.

    Attributes:
        number: from 1.
        task: that it scores; None if it is idle or loads its model.
        is_ready: whether its engine has reproduced the golden answers.
    """

    number: int
    process: BaseProcess
    connection: Connection
    task: Task | None = None
    is_ready: bool = False


class WorkerPool:
    """Starts workers, and ends them at the end of the block.

    Args:
        options: of all of them.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self._workers: list[Worker] = []
        self._options = options

    def __enter__(self) -> WorkerPool:
        """Start the processes. New interpreters: threads of a runtime do not survive a fork."""
        context = multiprocessing.get_context("spawn")
        try:
            for number in range(1, self._options.workers + 1):
                mine, theirs = context.Pipe()
                process = context.Process(
                    target=run_worker,
                    args=(theirs, self._options, number),
                    name=f"scorer-{number}",
                    daemon=True,
                )
                process.start()
                theirs.close()
                self._workers.append(Worker(number, process, mine))
        except OSError as error:
            self._end()
            raise ScoringError(
                f"a process cannot be started ({error.strerror}); use fewer --processes"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all processes, whatever they do."""
        self._end()

    @property
    def idle(self) -> list[Worker]:
        """Workers that can take a task."""
        return [worker for worker in self._workers if worker.is_ready and worker.task is None]

    def give(self, worker: Worker, task: Task) -> None:
        """Send a task to an idle worker."""
        worker.task = task
        try:
            worker.connection.send(task)
        except OSError:
            raise _ended(worker) from None

    def messages(self, timeout: float) -> Iterator[tuple[Worker, Any]]:
        """Yield the messages that have come, after waiting for one for at most `timeout` seconds.

        Raises:
            ScoringError: a worker has ended, or cannot go on.
        """
        by_connection = {worker.connection: worker for worker in self._workers}
        for connection in wait(list(by_connection), timeout):
            worker = by_connection[connection]  # type: ignore[index]
            try:
                message = worker.connection.recv()
            except (EOFError, ConnectionError):
                raise _ended(worker) from None
            if isinstance(message, Failed):
                raise ScoringError(message.reason)
            if isinstance(message, Ready):
                worker.is_ready = True
            yield worker, message

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_END_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.connection.close()
        self._workers = []


def _ended(worker: Worker) -> ScoringError:
    worker.process.join(_END_SECONDS)
    code = worker.process.exitcode
    how = f"exit code {code}" if code is None or code >= 0 else f"signal {signal.Signals(-code).name}"
    what = f"while it scored {worker.task}" if worker.task is not None else "between two tasks"
    what = what if worker.is_ready else "while it loaded the model"
    remedy = "; it may have been out of memory: use fewer --processes" if code == -signal.SIGKILL else ""
    return ScoringError(f"worker process {worker.number} ended ({how}) {what}{remedy}; start again to go on")
