"""How fast batches leave the queue, and how long whoever joins it now will wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

# Batches that the pace is measured on.
_REMEMBERED = 16
# Seconds after the last of them for which it counts: what slowed the machine down may be over.
_VALID = 10.0
# Rows from which on a larger batch takes hardly less time for each of them.
_MANY = 256


class Pace:
    """Times one batch after the other.

    A batch is measured if enough rows to fill it waited when the one before it ended: smaller ones take more
    time for each row. It is measured from that end to its own, which includes what the event loop does
    between two batches: reading requests and writing answers may take longer than the engine does.

    Args:
        clock: in seconds, from anywhere.
        max_rows: most rows in a batch.
    """

    def __init__(self, clock: Callable[[], float], *, max_rows: int) -> None:
        self._clock = clock
        self._max_rows = max_rows
        self._many = min(max_rows, _MANY)
        self._rows = 0  # in the batch that runs
        self._began: float | None = None
        self._follows: float | None = None  # when the batch before ended, if many rows waited then
        self._measured: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)  # seconds and rows
        self._measured_at = 0.0
        self._row_seconds = 0.0  # of a row in a full batch; 0 until it is known

    @property
    def seconds(self) -> float:
        """How long the batch that runs has run; 0 if none does."""
        return 0.0 if self._began is None else self._clock() - self._began

    def begin(self, rows: int) -> float:
        """A batch begins; the time."""
        self._rows, self._began = rows, self._clock()
        return self._began

    def end(self, *, queued: int) -> float:
        """It has ended, and so many rows wait; the seconds that it took."""
        now, seconds = self._clock(), self.seconds
        if self._follows is not None:
            self._measure(self._follows, now)
        self._follows = now if queued >= self._many else None
        self._began = None
        return seconds

    def stop(self) -> None:
        """No batch runs, and none follows at once."""
        self._began = self._follows = None

    def wait(self, queued: int) -> float:
        """Seconds until the batch starts that has room for what joins the queue behind so many rows.

        Before anything was measured, queued rows are taken to need no time. A batch that runs for longer than
        the pace says is taken to run for as long again as it is late: what delays it may go on.
        """
        now = self._clock()
        began = now if self._began is None else self._began
        row = 0.0 if self._is_outdated(began) else self._row_seconds
        rest = 0.0 if self._began is None else abs(self._rows * row - (now - began))
        return rest + queued // self._max_rows * self._max_rows * row

    def _is_outdated(self, at: float) -> bool:
        return at - self._measured_at > _VALID

    def _measure(self, began: float, ended: float) -> None:
        """Take the mean of the latest batches without the longest: one pause of the process is no pace."""
        if self._is_outdated(began):
            self._measured.clear()
        self._measured.append((ended - began, self._rows))
        self._measured_at = ended
        longest, its_rows = max(self._measured)
        rows = sum(rows for _, rows in self._measured) - its_rows
        seconds = sum(seconds for seconds, _ in self._measured) - longest
        self._row_seconds = seconds / rows if rows else 0.0
