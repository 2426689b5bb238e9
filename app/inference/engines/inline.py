"""Inline engine calls: short calls run on the event loop's thread.

A switch to the engine's thread and back costs 0.2 ms and cold caches on another core; one series takes
0.1 ms. An inline call blocks the loop, no longer than reading a JSON body does. On a single CPU core the
engine's thread blocks the loop anyway, so longer calls run inline there.

An engine that hangs inline blocks the loop, and the process cannot even answer probes. So a watchdog thread
ends a process whose loop hangs in a call.
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
# EX_SOFTWARE of sysexits.h.
HUNG_EXIT_CODE = 70
# A call hangs if it is the same one at so many consecutive checks: a clock would also count the time for
# which the whole process was stopped.
_CHECKS = 10

log = logging.getLogger(__name__)


class Limits(NamedTuple):
    """Limits of an inline call.

    Attributes:
        rows: most rows.
        seconds: longest measured duration.
    """

    rows: int
    seconds: float


LIMITS = Limits(rows=8, seconds=0.001)
# On a single CPU core.
LIMITS_ONE_CORE = Limits(rows=32, seconds=0.004)


def inline_batch_rows(engine: Engine, spec: SeriesSpec, *, limits: Limits) -> int:
    """The largest batch within the limits, by bisection.

    Args:
        engine: already warm.
        spec: of its series.
        limits: with 0 rows, nothing is measured.
    """
    most = min(limits.rows, engine.batch_sizes[-1])
    series = any_series(most, spec)

    def is_long(rows: int) -> bool:
        return _least_seconds(engine, series[:rows]) > limits.seconds

    return bisect_left(range(1, most + 1), True, key=is_long)


def _least_seconds(engine: Engine, series: NDArray[np.float32]) -> float:
    """The shortest of several trials: other work on the machine only adds to it."""
    least = float("inf")
    for _ in range(_TRIALS):
        began = time.perf_counter()
        engine.predict(series)
        least = min(least, time.perf_counter() - began)
    return least


class InlineCalls:
    """Runs calls on the calling thread, and ends the process if one does not return.

    Args:
        rows: most rows of a call.
        timeout: seconds after which a call counts as hanging.
    """

    def __init__(self, *, rows: int, timeout: float) -> None:
        self.rows = rows
        self._timeout = timeout
        self._call = 0  # the number of the call that runs; 0 for none
        self._calls = 0
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="inline-calls", daemon=True).start()

    def run(self, function: Callable[[], R]) -> R:
        """Run a call; returns or raises what it does. Call from one thread only."""
        self._calls += 1
        self._call = self._calls
        try:
            return function()
        finally:
            self._call = 0

    def close(self) -> None:
        """Stop the watchdog thread."""
        self._closed.set()

    def _watch(self) -> None:
        seen, checks = 0, 0
        while not self._closed.wait(self._timeout / _CHECKS):
            checks = checks + 1 if self._call == seen != 0 else 0
            seen = self._call
            if checks >= _CHECKS:
                log.critical(
                    "an inline engine call has blocked the event loop for %g s (STALL_TIMEOUT); the process "
                    "exits so that it is restarted",
                    self._timeout,
                )
                os._exit(HUNG_EXIT_CODE)
