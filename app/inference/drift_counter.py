"""Hands the predicted series of requests to the drift monitor, many requests at once.

The calls on arrays cost nearly the same for one series and for fifty. So a request adds itself to a list, and
ten times a second all of the list are counted together. A server under load gets more series than it takes to
compare: the first 64 of each tenth of a second are counted, whatever they are, so the cost has a limit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.inference.predictions import Batch, BatchSlice
from app.series.windows import without_overlap
from app.system.flush_timer import FlushTimer
from app.telemetry.drift.independence import RepetitionFilter, are_constant, stride_of
from app.telemetry.drift.measuring import Served
from app.telemetry.drift.monitor import DriftMonitor

PERIOD_SECONDS = 0.1
# Most series that are counted in a period.
MAX_SERIES = 64


class _Waiting(NamedTuple):
    """Series of a request that are to be counted.

    Attributes:
        batch: of the request.
        rows: their positions in the batch.
        counted: of consecutive windows, those that do not overlap; None to find out.
    """

    batch: Batch
    rows: range
    counted: slice | None


class DriftCounter:
    """Counts the series of one version.

    Args:
        monitor: gets the sums.
    """

    def __init__(self, monitor: DriftMonitor) -> None:
        self._monitor = monitor
        self._spec = monitor.contract.input.spec
        self._repetitions = RepetitionFilter(self._spec.values)
        self._waiting: list[_Waiting] = []
        self._room = MAX_SERIES
        self._surplus = 0
        self._timer = FlushTimer(PERIOD_SECONDS)

    def add(self, batch_slice: BatchSlice, counted: slice | None) -> None:
        """Count the series of a request within 0.1 s, as far as there is room.

        Args:
            batch_slice: with finite predictions.
            counted: of consecutive windows, those that do not overlap; None to find out.
        """
        batch, part = batch_slice
        size = part.stop - part.start
        if size > self._room:
            self._surplus += size - self._room
            size = self._room
        if size:
            self._room -= size
            self._waiting.append(_Waiting(batch, range(part.start, part.start + size), counted))
        self._timer.start(self.flush)

    def flush(self) -> None:
        """Count all series that wait, and make room."""
        self._room = MAX_SERIES
        if self._waiting:
            self._count()

    def _count(self) -> None:
        waiting, self._waiting = self._waiting, []
        surplus, self._surplus = self._surplus, 0
        by_batch: dict[Batch, list[_Waiting]] = {}
        for each in waiting:
            by_batch.setdefault(each.batch, []).append(each)
        overlapping = 0
        parts = []
        for batch, requests in by_batch.items():
            rows, left_out = self._rows(batch, requests)
            parts.append(_served(batch, rows))
            overlapping += left_out
        served = Served.joined(parts)
        # A constant series is what a dead sensor sends, again and again: it counts each time.
        new = self._repetitions.are_new(served.series) | are_constant(served.series)
        repeated = len(new) - int(np.count_nonzero(new))
        if repeated:
            served = served.take(new)
        self._monitor.add(served, overlapping=overlapping, repeated=repeated, surplus=surplus)

    def _rows(self, batch: Batch, requests: list[_Waiting]) -> tuple[NDArray[np.intp] | None, int]:
        """Which series of a batch are counted, None for all, and how many overlap with these."""
        total = sum(len(rows) for _, rows, _ in requests)
        if total == len(requests) == batch.starts[-1] and all(counted is None for _, _, counted in requests):
            return None, 0  # the most frequent case: requests of one series
        assert batch.series is not None  # noqa: S101 - those of a service have them
        chosen = []
        for _, rows, given in requests:
            counted, own = given, np.arange(rows.start, rows.stop)
            if counted is None and len(own) > 1 and (stride := stride_of(batch.series[own[:2]])):
                counted = without_overlap(len(own), length=self._spec.length, stride=stride)
            chosen.append(own if counted is None else own[counted])
        found = np.concatenate(chosen)
        return (None if len(found) == batch.starts[-1] else found), total - len(found)


def _served(batch: Batch, rows: NDArray[np.intp] | None) -> Served:
    """These series of a batch; all for None."""
    predictions = batch.predictions
    assert batch.series is not None  # noqa: S101 - those of a service have them
    assert predictions.ood_scores is not None  # noqa: S101 - a contract with a reference has trust
    assert predictions.warnings is not None  # noqa: S101 - as above
    served = Served(batch.series, predictions.probabilities, predictions.ood_scores, predictions.warnings)
    return served if rows is None else served.take(rows)
