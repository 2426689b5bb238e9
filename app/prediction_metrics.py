"""Prometheus metrics of what was answered: labels, confidence, label sets, warnings and abstentions.

A drift of the input shows here first: warnings, empty sets and low confidence grow before anyone complains.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter

from app.turns import OpenHistogram, Step, Sums, Turns

CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0)
# A value falls into the first bucket whose bound it does not exceed, else into the last, without a bound.
_BOUNDS = np.array(CONFIDENCES)
# What a label set's size is counted as: one is sure, none is unlike anything seen, more is unsure.
SIZES = ("0", "1", "more")


class Tally(NamedTuple):
    """What one request's series add to the metrics.

    Attributes:
        counts: which counters, and how much.
        confidence: the sum of their confidences.
    """

    counts: list[tuple[int, int]]
    confidence: float


class PredictionMetrics:
    """The metrics of the answers of every version of a model.

    Args:
        registry: where they are registered; once each.
        turns: has what is counted handed over.
    """

    def __init__(self, registry: CollectorRegistry, turns: Turns) -> None:
        self.turns = turns

        def counter(name: str, text: str, *label: str) -> Counter:
            return Counter(f"timeseries_{name}", text, ("version", *label), registry=registry)

        self.predictions = counter("predictions", "Series answered, by most probable label.", "label")
        self.sizes = counter("label_sets", "Series answered, by the number of labels in their set.", "size")
        self.warnings = counter("warnings", "Warnings given, by kind; a series may get several.", "code")
        self.confidence = OpenHistogram(
            "timeseries_confidence",
            "Probability of the most probable label.",
            ("version",),
            buckets=CONFIDENCES,
            registry=registry,
        )
        self.abstained = counter("abstained_series", "Series given no label, as their callers had asked.")

    def of(self, version: int, *, labels: Sequence[str], warnings: Sequence[str]) -> VersionMetrics:
        """What counts the answers of one version; see `VersionMetrics`."""
        return VersionMetrics(self, version, labels=labels, warnings=warnings)


class VersionMetrics:
    """Counts the answers of one version.

    Args:
        metrics: of all versions.
        version: its number.
        labels: of the classes, in the order of the columns.
        warnings: the kinds' codes, in the order of the columns; empty for a model without trust.
    """

    def __init__(
        self, metrics: PredictionMetrics, version: int, *, labels: Sequence[str], warnings: Sequence[str]
    ) -> None:
        self._abstained = metrics.abstained.labels(version)
        confidence = metrics.confidence.labels(version)
        # Looked up once, not at every answer. A count of 0 is there to be seen from the start.
        groups: list[list[Step]] = [
            [metrics.predictions.labels(version, label) for label in labels],
            confidence.counters,
            [metrics.sizes.labels(version, size) for size in SIZES] if warnings else [],
            [metrics.warnings.labels(version, code) for code in warnings],
        ]
        steps = [step for group in groups for step in group]
        self._width = len(steps)
        self._sums = Sums(metrics.turns, [*steps, confidence.total])
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
        requests, width = len(starts) - 1, self._width
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
        totals = np.add.reduceat(highest, starts[:-1], dtype=np.float64).tolist()
        found: list[list[tuple[int, int]]] = [[] for _ in totals]
        rows, columns = counts.nonzero()
        for row, column, count in zip(
            rows.tolist(), columns.tolist(), counts[rows, columns].tolist(), strict=True
        ):
            found[row].append((column, count))
        return [Tally(*tally) for tally in zip(found, totals, strict=True)]

    def answered(self, tally: Tally, *, abstained: NDArray[np.bool_] | None = None) -> None:
        """A request was answered.

        Args:
            tally: of its series.
            abstained: `bool[n]`, which got no label; None where that was not asked for.
        """
        sums = self._sums.change()
        for place, count in tally.counts:
            sums[place] += count
        sums[-1] += tally.confidence
        if abstained is not None:
            self._abstained.inc(int(abstained.sum()))
