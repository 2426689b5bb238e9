"""Prometheus metrics of predictions: labels, confidence, label sets, warnings and abstentions.

They show a drift of the input first: the shares of warnings, empty label sets and low confidence grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, compress
from operator import add
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter

from app.telemetry.buffered import BufferedCounters, Incrementable, MetricsBuffer, RawHistogram

CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)
# A value counts in the first bucket whose bound it does not exceed, else in the last, unbounded one.
_BOUNDS = np.array(CONFIDENCES)
# Sizes of label sets, as label values: 1 is certain, 0 is unlike the training data, more is uncertain.
SIZES = ("0", "1", "more")


class Tally(NamedTuple):
    """What one series adds to the metrics.

    Attributes:
        counters: indices of the counters that it adds 1 to.
        confidence: probability of its most probable label.
    """

    counters: tuple[int, ...]
    confidence: float


class PredictionMetrics:
    """The metrics of predictions, of all versions.

    Args:
        registry: the metrics are registered here.
        buffer: flushes the counts to the metrics.
    """

    def __init__(self, registry: CollectorRegistry, buffer: MetricsBuffer) -> None:
        self.buffer = buffer

        def counter(name: str, text: str, *label: str) -> Counter:
            return Counter(f"timeseries_{name}", text, ("version", *label), registry=registry)

        self.predictions = counter("predictions", "Series predicted, by most probable label.", "label")
        self.sizes = counter("label_sets", "Series predicted, by number of labels in the label set.", "size")
        self.warnings = counter("warnings", "Warnings, by code; a series may get several.", "code")
        self.confidence = RawHistogram(
            "timeseries_confidence",
            "Probability of the most probable label.",
            ("version",),
            buckets=CONFIDENCES,
            registry=registry,
        )
        self.abstained = counter(
            "abstained_series", "Series that got no label because the client requested abstention."
        )

    def for_version(
        self, version: int, *, labels: Sequence[str], warnings: Sequence[str], has_label_sets: bool
    ) -> VersionMetrics:
        """The metrics of one version; see `VersionMetrics`."""
        return VersionMetrics(self, version, labels=labels, warnings=warnings, has_label_sets=has_label_sets)


class VersionMetrics:
    """Counts the predictions of one version.

    Args:
        metrics: metrics of all versions.
        version: number of the version.
        labels: labels of the classes, in the order of the columns.
        warnings: codes of the warnings, in the order of the columns.
        has_label_sets: whether its predictions have label sets.
    """

    def __init__(
        self,
        metrics: PredictionMetrics,
        version: int,
        *,
        labels: Sequence[str],
        warnings: Sequence[str],
        has_label_sets: bool,
    ) -> None:
        self._abstained = metrics.abstained.labels(version)
        confidence = metrics.confidence.labels(version)
        # Looked up once, not for each request. Counters start at 0: a rate needs a first sample.
        groups: list[list[Incrementable]] = [
            [metrics.predictions.labels(version, label) for label in labels],
            confidence.counters,
            [metrics.sizes.labels(version, size) for size in SIZES] if has_label_sets else [],
            [metrics.warnings.labels(version, code) for code in warnings],
        ]
        counters = [counter for group in groups for counter in group]
        self._sums = BufferedCounters(metrics.buffer, [*counters, confidence.total])
        # The index of each group's first counter.
        _, self._confidences, self._sizes, first = accumulate(map(len, groups[:-1]), initial=0)
        self._warnings = range(first, len(counters))

    def tallies(
        self,
        probabilities: NDArray[np.float32],
        label_sets: NDArray[np.bool_] | None = None,
        warnings: NDArray[np.bool_] | None = None,
    ) -> list[Tally]:
        """What each series of a batch will add to the metrics.

        Args:
            probabilities: `float32[n, classes]`, finite for the series that get a prediction.
            label_sets: `bool[n, classes]`; None for a model without them.
            warnings: `bool[n, codes]`; the last codes may be missing. None without warnings.
        """
        columns, highest = self._counters(probabilities, label_sets)
        counters: Iterable[tuple[int, ...]] = zip(*(column.tolist() for column in columns), strict=True)
        if warnings is not None and warnings.any():
            warned = (tuple(compress(self._warnings, row)) for row in warnings.tolist())
            counters = map(add, counters, warned)
        return list(map(Tally, counters, highest.tolist()))

    def answered(self, tallies: Sequence[Tally], *, abstained: NDArray[np.bool_] | None = None) -> None:
        """Count the series of a request that got its predictions.

        Args:
            tallies: those of its series.
            abstained: `bool[n]`, which series got no label; None if abstention was not requested.
        """
        sums = self._sums.change()
        for counters, confidence in tallies:
            for counter in counters:
                sums[counter] += 1
            sums[-1] += confidence
        self._count_abstained(abstained)

    def _counters(
        self, probabilities: NDArray[np.float32], label_sets: NDArray[np.bool_] | None
    ) -> tuple[list[NDArray[np.intp]], NDArray[np.float32]]:
        """Each series' counters, `int[n]` per group, and its highest probability, `float32[n]`."""
        highest = probabilities.max(axis=1)
        columns = [probabilities.argmax(axis=1), np.searchsorted(_BOUNDS, highest) + self._confidences]
        if label_sets is not None:
            columns.append(np.minimum(label_sets.sum(axis=1), len(SIZES) - 1) + self._sizes)
        return columns, highest

    def _count_abstained(self, abstained: NDArray[np.bool_] | None) -> None:
        if abstained is not None:
            self._abstained.inc(int(abstained.sum()))
