"""Prometheus metrics of what was answered: labels, confidence, label sets, warnings and abstentions.

A drift of the input shows here first: warnings, empty sets and low confidence grow before anyone complains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Histogram

CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)
# What a label set's size is counted as: one is sure, none is unlike anything seen, more is unsure.
SIZES = ("0", "1", "more")


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
        # Looked up once, not at every answer. A count of 0 is there to be seen from the start.
        self._labels = [predictions.labels(label) for label in labels]
        self._sizes = [sizes.labels(size) for size in SIZES] if warnings else []
        self._warnings = [given.labels(code) for code in warnings]
        self._abstained = counter("abstained_series", "Series given no label, as their callers had asked.")
        self._confidence = _ArrayHistogram(
            "timeseries_confidence",
            "Probability of the most probable label.",
            buckets=CONFIDENCES,
            registry=registry,
        )

    def answered(
        self,
        probabilities: NDArray[np.float32],
        label_sets: NDArray[np.bool_] | None = None,
        warnings: NDArray[np.bool_] | None = None,
        *,
        abstained: NDArray[np.bool_] | None = None,
    ) -> None:
        """Series were answered.

        Args:
            probabilities: `float32[n, classes]`, finite.
            label_sets: `bool[n, classes]`; None for a model without them, as are warnings.
            warnings: `bool[n, kinds]`.
            abstained: `bool[n]`, which got no label; None where that was not asked for.
        """
        _add(self._labels, np.bincount(probabilities.argmax(axis=1)))
        self._confidence.observe_all(probabilities.max(axis=1))
        if label_sets is not None:
            _add(self._sizes, np.bincount(np.minimum(label_sets.sum(axis=1), len(SIZES) - 1)))
        if warnings is not None and warnings.any():
            _add(self._warnings, warnings.sum(axis=0))
        if abstained is not None:
            self._abstained.inc(int(abstained.sum()))


class _ArrayHistogram(Histogram):
    """A histogram that takes many values at once.

    Prometheus' client observes one value at a time, 1 µs each and more with several workers: a quarter of a
    millisecond of the event loop for a large request. Here NumPy counts, and each bucket is added to once.
    """

    def observe_all(self, values: NDArray[np.float32]) -> None:
        """Observe each value of `float32[n]`, as `observe` would."""
        self._sum.inc(float(values.sum(dtype=np.float64)))
        _add(self._buckets, np.bincount(np.searchsorted(self._upper_bounds, values)))


class _Counter(Protocol):
    def inc(self, amount: float, /) -> None: ...


def _add(counters: Sequence[_Counter], counts: NDArray[np.intp]) -> None:
    """Add each count to the counter at its place; there may be fewer counts than counters."""
    for counter, count in zip(counters, counts.tolist(), strict=False):
        if count:
            counter.inc(count)
