"""Prometheus metrics of what was answered: labels, confidence, label sets, warnings and abstentions.

A drift of the input shows here first: warnings, empty sets and low confidence grow before anyone complains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, compress
from operator import add
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter

from app.telemetry.buffered import BufferedCounters, MetricsBuffer, RawHistogram, Step

CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)
# A value falls into the first bucket whose bound it does not exceed, else into the last, without a bound.
_BOUNDS = np.array(CONFIDENCES)
# What a label set's size is counted as: one is sure, none is unlike anything seen, more is unsure.
SIZES = ("0", "1", "more")


class Tally(NamedTuple):
    """What one series adds to the metrics.

    Attributes:
        places: of the counters that it adds one to.
        confidence: the probability of its most probable label.
    """

    places: tuple[int, ...]
    confidence: float


class PredictionMetrics:
    """The metrics of the answers of every version of a model.

    Args:
        registry: where they are registered; once each.
        buffer: has what is counted handed over.
    """

    def __init__(self, registry: CollectorRegistry, buffer: MetricsBuffer) -> None:
        self.buffer = buffer

        def counter(name: str, text: str, *label: str) -> Counter:
            return Counter(f"timeseries_{name}", text, ("version", *label), registry=registry)

        self.predictions = counter("predictions", "Series answered, by most probable label.", "label")
        self.sizes = counter("label_sets", "Series answered, by the number of labels in their set.", "size")
        self.warnings = counter("warnings", "Warnings given, by kind; a series may get several.", "code")
        self.confidence = RawHistogram(
            "timeseries_confidence",
            "Probability of the most probable label.",
            ("version",),
            buckets=CONFIDENCES,
            registry=registry,
        )
        self.abstained = counter("abstained_series", "Series given no label, as their callers had asked.")

    def of(
        self, version: int, *, labels: Sequence[str], warnings: Sequence[str], has_label_sets: bool
    ) -> VersionMetrics:
        """What counts the answers of one version; see `VersionMetrics`."""
        return VersionMetrics(self, version, labels=labels, warnings=warnings, has_label_sets=has_label_sets)


class VersionMetrics:
    """Counts the answers of one version.

    Args:
        metrics: of all versions.
        version: its number.
        labels: of the classes, in the order of the columns.
        warnings: the kinds' codes, in the order of the columns.
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
        # Looked up once, not at every answer. A count of 0 is there to be seen from the start.
        groups: list[list[Step]] = [
            [metrics.predictions.labels(version, label) for label in labels],
            confidence.counters,
            [metrics.sizes.labels(version, size) for size in SIZES] if has_label_sets else [],
            [metrics.warnings.labels(version, code) for code in warnings],
        ]
        steps = [step for group in groups for step in group]
        self._sums = BufferedCounters(metrics.buffer, [*steps, confidence.total])
        # Where each group starts among the counters.
        _, self._confidences, self._sizes, first = accumulate(map(len, groups[:-1]), initial=0)
        self._warnings = range(first, len(steps))

    def tallies(
        self,
        probabilities: NDArray[np.float32],
        label_sets: NDArray[np.bool_] | None = None,
        warnings: NDArray[np.bool_] | None = None,
    ) -> list[Tally]:
        """What each series of a batch adds, once it is answered.

        Args:
            probabilities: `float32[n, classes]`, finite for those that will be answered.
            label_sets: `bool[n, classes]`; None for a model without them.
            warnings: `bool[n, kinds]`, where the last kinds may be left out; None if there are none.
        """
        columns, highest = self._places(probabilities, label_sets)
        places: Iterable[tuple[int, ...]] = zip(*(column.tolist() for column in columns), strict=True)
        if warnings is not None and warnings.any():
            warned = (tuple(compress(self._warnings, row)) for row in warnings.tolist())
            places = map(add, places, warned)
        return list(map(Tally, places, highest.tolist()))

    def answered(self, tallies: Sequence[Tally], *, abstained: NDArray[np.bool_] | None = None) -> None:
        """A request was answered.

        Args:
            tallies: of its series.
            abstained: `bool[n]`, which got no label; None where that was not asked for.
        """
        sums = self._sums.change()
        for places, confidence in tallies:
            for place in places:
                sums[place] += 1
            sums[-1] += confidence
        self._count_abstained(abstained)

    def _places(
        self, probabilities: NDArray[np.float32], label_sets: NDArray[np.bool_] | None
    ) -> tuple[list[NDArray[np.intp]], NDArray[np.float32]]:
        """The counters that each series adds one to, `int[n]` a group; and its highest probability."""
        highest = probabilities.max(axis=1)
        columns = [probabilities.argmax(axis=1), np.searchsorted(_BOUNDS, highest) + self._confidences]
        if label_sets is not None:
            columns.append(np.minimum(label_sets.sum(axis=1), len(SIZES) - 1) + self._sizes)
        return columns, highest

    def _count_abstained(self, abstained: NDArray[np.bool_] | None) -> None:
        if abstained is not None:
            self._abstained.inc(int(abstained.sum()))
