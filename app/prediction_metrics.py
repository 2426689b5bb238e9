"""Prometheus metrics of what was answered: labels, confidence, label sets, warnings and abstentions.

A drift of the input shows here first: warnings, empty sets and low confidence grow before anyone complains.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Histogram

CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)
# A value falls into the first bucket whose bound it does not exceed, else into the last, without a bound.
_BOUNDS = np.array(CONFIDENCES)
# What a label set's size is counted as: one is sure, none is unlike anything seen, more is unsure.
SIZES = ("0", "1", "more")


class Tally(NamedTuple):
    """What one request's series add to the metrics: a count for each counter, and their confidences' sum."""

    counts: list[int]
    confidence: float


class PredictionMetrics:
    """Counts the answers of one model.

    Args:
        registry: where the metrics are registered; once each.
        labels: of the classes, in the order of the columns.
        warnings: the kinds' codes, in the order of the columns; empty for a model without trust.
    """

    def __init__(
        self, registry: CollectorRegistry, *, labels: Sequence[str], warnings: Sequence[str]
    ) -> None:
        def counter(name: str, text: str, *label: str) -> Counter:
            return Counter(f"timeseries_{name}", text, label, registry=registry)

        predictions = counter("predictions", "Series answered, by most probable label.", "label")
        sizes = counter("label_sets", "Series answered, by the number of labels in their set.", "size")
        given = counter("warnings", "Warnings given, by kind; a series may get several.", "code")
        self._confidence = _ArrayHistogram(
            "timeseries_confidence",
            "Probability of the most probable label.",
            buckets=CONFIDENCES,
            registry=registry,
        )
        self._abstained = counter("abstained_series", "Series given no label, as their callers had asked.")
        # Looked up once, not at every answer. A count of 0 is there to be seen from the start.
        groups: list[list[_Counter]] = [
            [predictions.labels(label) for label in labels],
            self._confidence.counters,
            [sizes.labels(size) for size in SIZES] if warnings else [],
            [given.labels(code) for code in warnings],
        ]
        self._counters = [counter for group in groups for counter in group]
        # Where each group starts among the counters.
        _, self._confidences, self._sizes, self._warnings = accumulate(map(len, groups[:-1]), initial=0)

    def tallies(
        self,
        starts: Sequence[int],
        probabilities: NDArray[np.float32],
        label_sets: NDArray[np.bool_] | None = None,
        warnings: NDArray[np.bool_] | None = None,
    ) -> list[Tally]:
        """What each request of a batch adds, once it is answered.

        Args:
            starts: where each request's series start, and where the last one's end; none is empty.
            probabilities: `float32[n, classes]`, finite for those that will be answered.
            label_sets: `bool[n, classes]`; None for a model without them, as are warnings.
            warnings: `bool[n, kinds]`.
        """
        requests, width = len(starts) - 1, len(self._counters)
        # One count of whole numbers for all requests, each with a range of its own.
        ranges = np.repeat(np.arange(requests) * width, np.diff(starts)) if requests > 1 else 0
        highest = probabilities.max(axis=1)
        places = [
            probabilities.argmax(axis=1) + ranges,
            np.searchsorted(_BOUNDS, highest) + (ranges + self._confidences),
        ]
        if label_sets is not None:
            sizes = np.minimum(label_sets.sum(axis=1), len(SIZES) - 1)
            places.append(sizes + (ranges + self._sizes))
        counts = np.bincount(np.concatenate(places), minlength=requests * width)
        counts = counts.reshape(requests, width)
        if warnings is not None and warnings.any():
            counts[:, self._warnings :] = np.add.reduceat(warnings, starts[:-1], axis=0, dtype=np.intp)
        sums = np.add.reduceat(highest, starts[:-1], dtype=np.float64)
        return [Tally(*tally) for tally in zip(counts.tolist(), sums.tolist(), strict=True)]

    def answered(self, tally: Tally, *, abstained: NDArray[np.bool_] | None = None) -> None:
        """A request was answered.

        Args:
            tally: of its series.
            abstained: `bool[n]`, which got no label; None where that was not asked for.
        """
        for counter, count in zip(self._counters, tally.counts, strict=True):
            if count:
                counter.inc(count)
        self._confidence.add_to_sum(tally.confidence)
        if abstained is not None:
            self._abstained.inc(int(abstained.sum()))


class _Counter(Protocol):
    def inc(self, amount: float, /) -> None: ...


class _ArrayHistogram(Histogram):
    """A histogram whose buckets are added to from outside.

    Prometheus' client observes one value at a time, 1 µs each and more with several workers: a quarter of a
    millisecond of the event loop for a large request. Here NumPy counts, and each bucket is added to once.
    """

    @property
    def counters(self) -> list[_Counter]:
        """Of the buckets, ascending."""
        return list(self._buckets)

    def add_to_sum(self, total: float) -> None:
        """Add the sum of values whose buckets were added to."""
        self._sum.inc(total)
