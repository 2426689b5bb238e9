"""Counts of requests, buffered and flushed to Prometheus' client every 20 ms.

The client's counters take a lock and, with several workers, write to a mapped file: 1 to 3 µs per increment,
and a request has about 30. Here an increment is an addition, and each flush is one increment of the client's
counter. `Metrics.render` flushes first, so only the counts of other workers may be 20 ms old.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

from prometheus_client import Histogram

from app.system.flush_timer import FlushTimer

PERIOD_SECONDS = 0.02


class MetricsBuffer:
    """Flushes changed counters after 20 ms.

    Without an event loop nothing is flushed until `flush` is called.
    """

    def __init__(self) -> None:
        self._changed: list[BufferedCounters] = []
        self._timer = FlushTimer(PERIOD_SECONDS)

    def add(self, counters: BufferedCounters) -> None:
        """Flush these counters within 20 ms: they have changed since the last flush."""
        self._changed.append(counters)
        self._timer.start(self.flush)

    def flush(self) -> None:
        """Flush all changed counters."""
        changed, self._changed = self._changed, []
        for counters in changed:
            counters.flush()


class Incrementable(Protocol):
    """A counter, gauge or histogram bucket of Prometheus' client."""

    def inc(self, amount: float, /) -> None:
        """Add an amount."""


class BufferedCounters:
    """Buffered increments of several counters or gauges.

    Args:
        buffer: flushes them.
        targets: counters or gauges of the client, one for each value.
    """

    def __init__(self, buffer: MetricsBuffer, targets: Sequence[Incrementable]) -> None:
        self._buffer = buffer
        self._targets = targets
        self._values: list[float] = [0] * len(targets)
        self._has_changed = False

    def change(self) -> list[float]:
        """The values to add to; add before the event loop runs again."""
        if not self._has_changed:
            self._has_changed = True
            self._buffer.add(self)
        return self._values

    def flush(self) -> None:
        """Increment the targets and reset the values."""
        self._has_changed = False
        for index, value in enumerate(self._values):
            if value:
                self._targets[index].inc(value)
                self._values[index] = 0


class BufferedHistogram:
    """Buffered observations of a histogram.

    Args:
        buffer: flushes them.
        histogram: a histogram without labels, or with its labels set.
        bounds: upper bounds of its buckets, without the infinite one.
    """

    def __init__(self, buffer: MetricsBuffer, histogram: RawHistogram, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._sums = BufferedCounters(buffer, [*histogram.counters, histogram.total])

    def observe(self, value: float) -> None:
        """Count a value."""
        values = self._sums.change()
        values[bisect_left(self._bounds, value)] += 1
        values[-1] += value


class RawHistogram(Histogram):
    """A histogram with public buckets."""

    @property
    def counters(self) -> list[Incrementable]:
        """The counters of the buckets, by ascending bound."""
        return list(self._buckets)

    @property
    def total(self) -> Incrementable:
        """The sum of the observed values."""
        total: Incrementable = self._sum
        return total
