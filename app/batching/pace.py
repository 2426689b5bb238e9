"""How long batches take: the one that runs, and those before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

# Batches that a forecast looks back on, and what it supposes before there are any, seconds.
_REMEMBERED = 16
_SUPPOSED = 1.0


class Pace:
    """Times one batch after the other.

    Args:
        clock: in seconds, from anywhere.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began: float | None = None
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def seconds(self) -> float:
        """How long the batch that runs has run; 0 if none does."""
        return 0.0 if self._began is None else self._clock() - self._began

    def begin(self) -> float:
        """A batch begins; the time."""
        self._began = began = self._clock()
        return began

    def end(self) -> float:
        """It has ended; the seconds that it took."""
        seconds = self.seconds
        self._recent.append(seconds)
        self._began = None
        return seconds

    def stop(self) -> None:
        """It will never end."""
        self._began = None

    def forecast(self, batches: int) -> float:
        """Seconds that so many batches will take, each as long as the latest on average."""
        recent = self._recent
        return batches * max(sum(recent) / len(recent) if recent else _SUPPOSED, self.seconds)
