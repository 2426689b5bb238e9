"""Measures how fast batches run, and estimates how long a new item will wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

# Batches in the average.
_REMEMBERED = 16
# Seconds for which a measurement is used: what slowed the machine down may be over.
_VALID_SECONDS = 10.0
# Above this many rows, a larger batch takes hardly less time for each row.
_FULL_ROWS = 256


class ThroughputEstimator:
    """Times batches that run one after the other.

    A batch is measured only if enough rows to fill it were queued when the batch before it ended: smaller
    batches take more time for each row. The measured time runs from the end of the batch before to its own
    end. That includes the work of the event loop between two batches: reading requests and writing responses
    may take longer than the engine.

    Args:
        clock: in seconds; any start.
        max_rows: most rows in a batch.
    """

    def __init__(self, clock: Callable[[], float], *, max_rows: int) -> None:
        self._clock = clock
        self._max_rows = max_rows
        self._full_rows = min(max_rows, _FULL_ROWS)
        self._rows = 0  # in the running batch
        self._began: float | None = None
        self._previous_end: float | None = None  # of the batch before, if the queue was full enough then
        self._measured: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)  # seconds and rows
        self._measured_at = 0.0
        self._row_seconds = 0.0  # of a row in a full batch; 0 until it is known

    @property
    def seconds(self) -> float:
        """How long the current batch has been running; 0 if none is."""
        return 0.0 if self._began is None else self._clock() - self._began

    def begin(self, rows: int) -> float:
        """Record the start of a batch; returns the time."""
        self._rows, self._began = rows, self._clock()
        return self._began

    def end(self, *, queued: int) -> float:
        """Record the end of the batch, with the rows queued now; returns its duration in seconds."""
        now, seconds = self._clock(), self.seconds
        if self._previous_end is not None:
            self._measure(self._previous_end, now)
        self._previous_end = now if queued >= self._full_rows else None
        self._began = None
        return seconds

    def stop(self) -> None:
        """Record that no batch is running and that the next one does not follow at once."""
        self._began = self._previous_end = None

    def wait(self, queued: int) -> float:
        """Estimate the seconds until the batch starts that has room for a new item behind `queued` rows.

        Before the first measurement, queued rows count as 0 seconds. A batch that is late by x seconds is
        expected to run for another x seconds, because its cause may persist.
        """
        now = self._clock()
        began = now if self._began is None else self._began
        row = 0.0 if self._is_outdated(began) else self._row_seconds
        rest = 0.0 if self._began is None else abs(self._rows * row - (now - began))
        return rest + queued // self._max_rows * self._max_rows * row

    def _is_outdated(self, at: float) -> bool:
        return at - self._measured_at > _VALID_SECONDS

    def _measure(self, began: float, ended: float) -> None:
        """Average the latest batches without the longest: a single pause of the process must not count."""
        if self._is_outdated(began):
            self._measured.clear()
        self._measured.append((ended - began, self._rows))
        self._measured_at = ended
        longest, its_rows = max(self._measured)
        rows = sum(rows for _, rows in self._measured) - its_rows
        seconds = sum(seconds for seconds, _ in self._measured) - longest
        self._row_seconds = seconds / rows if rows else 0.0
