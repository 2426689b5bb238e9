"""Repeated measurements and how they are printed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

_OTHER_BYTES = 8 * 2**20


def seconds_per_call(call: Callable[[], object], *, repeats: int, at_least: float = 0.2) -> list[float]:
    """Seconds of one call, measured `repeats` times over as many calls as fill `at_least` seconds."""
    call()
    started = time.perf_counter()
    call()
    calls = max(1, int(at_least / (time.perf_counter() - started)))
    results = []
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(calls):
            call()
        results.append((time.perf_counter() - started) / calls)
    return results


def cold_seconds(call: Callable[[], object], *, repeats: int, calls: int = 20) -> list[float]:
    """Seconds of one call when other work came before it, each time the median of so many.

    The work goes through more memory than a core has caches for: the call finds nothing of its own there.
    """
    memory = np.zeros(_OTHER_BYTES, np.uint8)
    results = []
    for _ in range(repeats):
        seconds = []
        for _ in range(calls):
            np.add(memory, 1, out=memory)
            started = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - started)
        results.append(statistics.median(seconds))
    return results


def spread(values: Sequence[float], form: str) -> str:
    """Median and range."""
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"
