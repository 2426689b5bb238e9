"""Calls a function once, some time after the first of many events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class FlushTimer:
    """Calls a function once a period, however often it is started within that.

    Without an event loop it does nothing: whoever needs the result calls the function.

    Args:
        period: in seconds.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._is_due = False

    def start(self, flush: Callable[[], None]) -> None:
        """Call `flush` after the period, unless a call is already due.

        The function is not kept: the owner's method would make a cycle, and the owner would live until a full
        garbage collection.
        """
        if self._is_due:
            return
        try:
            asyncio.get_running_loop().call_later(self._period, self._end, flush)
        except RuntimeError:
            return
        self._is_due = True

    def _end(self, flush: Callable[[], None]) -> None:
        self._is_due = False
        flush()
