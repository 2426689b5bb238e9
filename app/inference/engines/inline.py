"""Calls that take less than handing them over would: they run on the event loop's own thread.

To the engine's thread and back costs 0.2 ms and the caches of another core, where one series takes 0.1 ms. As
long as such a call runs the loop stands still, no longer than while it reads a body of JSON. In a process
with one processor it stands still for any call; there longer calls are brief, too.

What an engine's thread is for, that the loop goes on though the engine hangs, does not hold here. So a thread
watches, and ends a process whose loop hangs in a call: it can answer nothing any more, not even its probes.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.inference.engines.base import Engine, any_series
from app.series.spec import SeriesSpec

R = TypeVar("R")

_TRIALS = 7
# The exit code of a process whose loop hung: EX_SOFTWARE of sysexits.h.
HUNG = 70
# A call counts as hanging when it is still the same one at so many looks: a clock would also count the time
# for which the process as a whole was stopped.
_LOOKS = 10

log = logging.getLogger(__name__)


class Limits(NamedTuple):
    """What may keep the event loop from all others.

    Attributes:
        rows: of a call.
        seconds: that it may take.
    """

    rows: int
    seconds: float


LIMITS = Limits(rows=8, seconds=0.001)
# Where there is no processor but the loop's.
LIMITS_ALONE = Limits(rows=32, seconds=0.004)


def inline_batch_rows(engine: Engine, spec: SeriesSpec, *, limits: Limits) -> int:
    """The most rows within the limits; fewer are taken to be, too.

    Args:
        engine: warm.
        spec: of its series.
        limits: of 0 rows measure nothing.
    """
    most = min(limits.rows, engine.batch_sizes[-1])
    series = any_series(most, spec)

    def is_long(rows: int) -> bool:
        return _least_seconds(engine, series[:rows]) > limits.seconds

    return bisect_left(range(1, most + 1), True, key=is_long)


def _least_seconds(engine: Engine, series: NDArray[np.float32]) -> float:
    """The least of several trials: what else the machine does only ever adds to it."""
    least = float("inf")
    for _ in range(_TRIALS):
        began = time.perf_counter()
        engine.predict(series)
        least = min(least, time.perf_counter() - began)
    return least


class InlineCalls:
    """Runs calls at once, and ends the process if one does not return.

    Args:
        rows: the most that a call may have.
        limit: seconds after which a call is taken to hang.
    """

    def __init__(self, *, rows: int, limit: float) -> None:
        self.rows = rows
        self._limit = limit
        self._call = 0  # the number of the call that runs; 0 for none
        self._calls = 0
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="brief-calls", daemon=True).start()

    def run(self, function: Callable[[], R]) -> R:
        """Run a call and return what it returns, or raise what it raises. For one thread alone."""
        self._calls += 1
        self._call = self._calls
        try:
            return function()
        finally:
            self._call = 0

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()

    def _watch(self) -> None:
        seen, looks = 0, 0
        while not self._closed.wait(self._limit / _LOOKS):
            looks = looks + 1 if self._call == seen != 0 else 0
            seen = self._call
            if looks >= _LOOKS:
                log.critical(
                    "the engine has been at one call for %g s and the event loop with it; the process ends, "
                    "to be started anew",
                    self._limit,
                )
                os._exit(HUNG)
