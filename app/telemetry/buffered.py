"""Numbers that change with every request, handed to Prometheus' client fifty times a second.

The client's counters lock, check and, with several workers, write to a mapped file: a microsecond or three a
step, some thirty steps a request. Here a step is an addition, and all that changes in a fiftieth of a second
is one step of the client's. Whoever reads has everything handed over first (`Metrics.render`), and only what
the other workers counted is so much older.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

from prometheus_client import Histogram

PERIOD_SECONDS = 0.02


class MetricsBuffer:
    """Has sums handed over soon after they have changed.

    Outside of an event loop there is no later: `flush` is all there is.
    """

    def __init__(self) -> None:
        self._changed: list[BufferedCounters] = []
        self._is_due = False

    def changed(self, sums: BufferedCounters) -> None:
        """These have changed since they were handed over last."""
        self._changed.append(sums)
        if not self._is_due:
            try:
                asyncio.get_running_loop().call_later(PERIOD_SECONDS, self.flush)
            except RuntimeError:
                return
            self._is_due = True

    def flush(self) -> None:
        """Hand over what has changed."""
        self._is_due = False
        changed, self._changed = self._changed, []
        for sums in changed:
            sums.flush()


class Step(Protocol):
    """What of the client's is added to."""

    def inc(self, amount: float, /) -> None:
        """Add to it."""


class BufferedCounters:
    """As many sums as there are counters or gauges to add them to.

    Args:
        buffer: has them handed over.
        steps: what each is added to.
    """

    def __init__(self, buffer: MetricsBuffer, steps: Sequence[Step]) -> None:
        self._buffer = buffer
        self._steps = steps
        self._values: list[float] = [0] * len(steps)
        self._has_changed = False

    def change(self) -> list[float]:
        """The sums, to be added to at once."""
        if not self._has_changed:
            self._has_changed = True
            self._buffer.changed(self)
        return self._values

    def flush(self) -> None:
        """Hand over what has been added up."""
        self._has_changed = False
        for place, value in enumerate(self._values):
            if value:
                self._steps[place].inc(value)
                self._values[place] = 0


class BufferedHistogram:
    """Observations of one series of a histogram.

    Args:
        buffer: has them handed over.
        histogram: without labels, or one of its children.
        bounds: of its buckets, without the last, infinite one.
    """

    def __init__(self, buffer: MetricsBuffer, histogram: RawHistogram, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._sums = BufferedCounters(buffer, [*histogram.counters, histogram.total])

    def observe(self, value: float) -> None:
        """Note a value."""
        values = self._sums.change()
        values[bisect_left(self._bounds, value)] += 1
        values[-1] += value


class RawHistogram(Histogram):
    """A histogram whose buckets are added to from outside."""

    @property
    def counters(self) -> list[Step]:
        """Of the buckets, ascending."""
        return list(self._buckets)

    @property
    def total(self) -> Step:
        """The sum of the values whose buckets were added to."""
        step: Step = self._sum
        return step
