"""One run of a job on one machine: claims tasks for its workers, and adds their records."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from app.scoring.leases import Leases
from app.scoring.ledger import Ledger, Record, Totals
from app.scoring.plan import Plan, Task
from app.scoring.pool import Worker, WorkerPool
from app.scoring.worker import Computed, Scored, Stored

# Pauses between two looks at the leases of others, of their seconds.
_LOOKS = 20
_LONGEST_PAUSE = 1.0


class Coordinator:
    """Works on a job until all its tasks have a record, whoever made it.

    Args:
        plan: of the job.
        ledger: of the job.
        leases: of this process.
        lease_seconds: see `Leases`.
        on_rows: called with the rows that are finished, those of all processes as far as known, and with the
            number of all rows, or None if that is unknown.
    """

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        leases: Leases,
        *,
        lease_seconds: float,
        on_rows: Callable[[int, int | None], None],
    ) -> None:
        self._plan, self._ledger, self._leases, self._on_rows = plan, ledger, leases, on_rows
        self._tasks = plan.tasks()
        self._finished: dict[int, int] = {}  # rows by task
        self._open: deque[int] = deque()
        self._running: set[int] = set()  # claimed, without a record
        self._claimed: deque[Task] = deque()  # those that no worker has yet
        self._rows: dict[int, int] = {}  # scored so far, by task of this run
        self._stored: list[tuple[int, Record]] = []  # whose records are still to be added
        self._held: set[int] = set()
        self._look_seconds = lease_seconds / _LOOKS
        self._next_look = 0.0
        rows = [task.rows for task in self._tasks]
        self._total = None if None in rows else sum(filter(None, rows))

    @property
    def is_complete(self) -> bool:
        """Whether all tasks have a record."""
        return len(self._finished) == len(self._tasks)

    def look(self) -> None:
        """Read which tasks are finished and which are claimed."""
        self._held = set(self._leases.look())
        for number in self._ledger.recorded():
            self._finished.setdefault(number, self._tasks[number].rows or 0)
        taken = self._finished.keys() | self._held | self._running
        self._open = deque(number for number in range(len(self._tasks)) if number not in taken)
        if self._held:  # far from where others are
            self._open.rotate(random.randrange(len(self._open) + 1))  # noqa: S311 - no secret
        self._next_look = time.monotonic() + self._look_seconds

    def run(self, pool: WorkerPool) -> None:
        """Score until the job is complete.

        Raises:
            ScoringError: a worker has ended, or an input has changed.
            StoreError: the store does not answer.
        """
        try:
            while True:
                # First what workers wait for: the next tasks, which are claimed ahead.
                self._give_tasks(pool)
                self._add_records()
                if self.is_complete:
                    return
                self._claim_ahead()
                for worker, message in pool.messages(min(self._look_seconds, _LONGEST_PAUSE)):
                    self._take(worker, message)
                self._leases.renew()
                self._on_rows(sum((self._rows | self._finished).values()), self._total)
        finally:
            self._leases.release_all()

    def _give_tasks(self, pool: WorkerPool) -> None:
        for worker in pool.idle:
            task = self._claimed.popleft() if self._claimed else self._claim()
            if task is None:
                return
            pool.give(worker, task)

    def _claim_ahead(self) -> None:
        if self._running and not self._claimed and (task := self._claim()) is not None:
            self._claimed.append(task)

    def _add_records(self) -> None:
        for number, record in self._stored:
            self._ledger.add(number, record)
            self._finished[number] = record.rows
            self._running.discard(number)
            self._leases.release(number)
        self._stored.clear()

    def finish(self) -> Totals:
        """Write the manifest of the complete job, or find that it is there."""
        return self._ledger.finish(self._plan)

    def _claim(self) -> Task | None:
        """The next task, with its lease; None if there is none now."""
        while True:
            if not self._open and not self._reopened():
                return None
            number = self._open.popleft()
            acquire = self._leases.take_over if number in self._held else self._leases.claim
            if not acquire(number):
                if number not in self._held:  # another process was here since the last look
                    self.look()
                continue
            if not self._ledger.is_recorded(number):
                self._running.add(number)
                return self._tasks[number]
            # Finished since the last look.
            self._finished[number] = self._tasks[number].rows or 0
            self._leases.release(number)

    def _reopened(self) -> bool:
        """Whether tasks are open again, among them those whose lease may be taken over."""
        if self.is_complete or time.monotonic() < self._next_look:
            return False
        self.look()
        self._open.extend(self._held - self._finished.keys())
        return bool(self._open)

    def _take(self, worker: Worker, message: Any) -> None:
        if isinstance(message, Stored):
            self._stored.append((message.number, message.record))
        elif isinstance(message, Computed):
            worker.task = None
        elif isinstance(message, Scored) and worker.task is not None:
            number = worker.task.number
            self._rows[number] = self._rows.get(number, 0) + message.rows
