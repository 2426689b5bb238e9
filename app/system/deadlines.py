"""One timer for many deadlines.

Nearly all deadlines are met, and a timer for each would cost as much as a place in the queue.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class DeadlineTimer:
    """Calls a function when the earliest deadline is due.

    Args:
        loop: deadlines are on its clock.
        expire: handles all deadlines up to the given time, and returns the earliest later one, or infinity.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[float], float]) -> None:
        self._loop = loop
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None
        self._at = math.inf

    def watch(self, deadline: float) -> None:
        """Add a deadline."""
        if deadline < self._at:
            self.cancel()
            self._at = deadline
            self._timer = self._loop.call_at(deadline, self._due)

    def cancel(self) -> None:
        """Drop all deadlines."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._at = None, math.inf

    def _due(self) -> None:
        # uvloop counts milliseconds and may be up to 1 ms early; the time is at least that of the timer.
        now = max(self._at, self._loop.time())
        self._timer, self._at = None, math.inf
        self.watch(self._expire(now))
