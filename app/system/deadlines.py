"""One timer for the deadlines of all who wait.

Nearly every deadline is in vain, and a timer for each costs as much as a place in the queue.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class DeadlineTimer:
    """Has deadlines looked at when the earliest of them is due.

    Args:
        loop: whose clock deadlines are on.
        look: tells those whose deadline has passed by the given time; the earliest deadline of the others,
            infinite if there is none.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, look: Callable[[float], float]) -> None:
        self._loop = loop
        self._look = look
        self._timer: asyncio.TimerHandle | None = None
        self._at = math.inf

    def watch(self, deadline: float) -> None:
        """See to it that a deadline is looked at in time."""
        if deadline < self._at:
            self.cancel()
            self._at = deadline
            self._timer = self._loop.call_at(deadline, self._due)

    def cancel(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._at = None, math.inf

    def _due(self) -> None:
        # uvloop counts milliseconds and may be up to one early: at least as late as this timer it is.
        now = max(self._at, self._loop.time())
        self._timer, self._at = None, math.inf
        self.watch(self._look(now))
