"""Builds a timeline from batches of windows, in memory that does not grow with the recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.series.timeline.decoding import Decoder
from app.series.timeline.document import Curve, Timeline, UnusualStretch
from app.series.timeline.smoothing import Posteriors, Smoother

# Expected windows' lengths between two changes, unless a duration is given.
DURATION_WINDOWS = 20.0
# By the score's definition, 1 % of series like the training data have a higher one.
OOD_THRESHOLD = 0.99
# Most points of the curve.
CURVE_POINTS = 2048


class TimelineBuilder:
    """Makes the timeline of a recording.

    Args:
        labels: of the model, in the order of the probabilities.
        length: steps of a window.
        stride: steps from one window to the next.
        duration: expected steps between two changes of the label; None for `DURATION_WINDOWS` windows.
        priors: probability of each label before any window, in any scale; None for equal ones.
        ood_threshold: windows with a higher out-of-distribution score are unusual.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        length: int,
        stride: int,
        duration: float | None = None,
        priors: Sequence[float] | None = None,
        ood_threshold: float = OOD_THRESHOLD,
    ) -> None:
        duration = DURATION_WINDOWS * length if duration is None else duration
        weights = np.ones(len(labels)) if priors is None else np.asarray(priors, np.float64)
        if not labels or length < 1 or stride < 1 or not 0 < duration < np.inf:
            raise ValueError("a timeline needs labels, and positive numbers for length, stride and duration")
        if weights.shape != (len(labels),) or not ((weights > 0) & (weights < np.inf)).all():
            raise ValueError(f"{len(labels)} labels need as many positive priors, got {priors}")
        self._labels, self._length = tuple(labels), length
        self._smoother = Smoother(weights / weights.sum(), length=length, stride=stride, duration=duration)
        self._decoder = Decoder(self._labels, length)
        self._curve = _CurveBuilder(len(labels), length)
        self._threshold, self._has_scores = ood_threshold, False
        self._unusual: list[UnusualStretch] = []
        self._windows = self._start = self._last = 0

    def add(
        self,
        starts: NDArray[np.int64],
        probabilities: NDArray[np.floating],
        ood_scores: NDArray[np.floating] | None = None,
    ) -> None:
        """Take the next windows.

        Args:
            starts: `int64[n]`, first step of each window, ascending also from call to call.
            probabilities: `[n, labels]`, finite.
            ood_scores: `[n]`, or None if the model has none.

        Raises:
            ValueError: the arrays do not fit together, or the starts do not ascend.
        """
        if probabilities.shape != (len(starts), len(self._labels)):
            raise ValueError(
                f"{len(starts)} starts and {len(self._labels)} labels do not fit probabilities of shape "
                f"{probabilities.shape}"
            )
        if not len(starts):
            return
        if (np.diff(starts) <= 0).any() or (self._windows and starts[0] <= self._last):
            raise ValueError("starts of windows must ascend; give the windows in the recording's order")
        if not self._windows:
            self._start = int(starts[0])
        self._windows, self._last = self._windows + len(starts), int(starts[-1])
        if ood_scores is not None:
            self._add_scores(starts, ood_scores)
        for due in self._smoother.add(starts, probabilities):
            self._decode(due)

    def finish(self) -> Timeline:
        """The timeline of all windows.

        Raises:
            ValueError: there was no window.
        """
        if not self._windows:
            raise ValueError("a timeline needs at least one window")
        for due in self._smoother.finish():
            self._decode(due)
        end = self._last + self._length
        segments, changes = self._decoder.finish(self._start, end)
        return Timeline(
            labels=self._labels,
            length=self._length,
            windows=self._windows,
            start=self._start,
            end=end,
            ood_threshold=self._threshold if self._has_scores else None,
            segments=segments,
            changes=changes,
            unusual=tuple(self._unusual),
            curve=self._curve.finish(),
        )

    def _decode(self, posteriors: Posteriors) -> None:
        self._decoder.add(posteriors)
        self._curve.add(posteriors)

    def _add_scores(self, starts: NDArray[np.int64], scores: NDArray[np.floating]) -> None:
        self._has_scores = True
        found = scores > self._threshold
        for start, score in zip(starts[found].tolist(), scores[found].tolist(), strict=True):
            stretch = UnusualStretch(start, start + self._length, round(score, 6), 1)
            if self._unusual and self._unusual[-1].end >= start:
                last = self._unusual.pop()
                highest = max(last.max_ood_score, stretch.max_ood_score)
                stretch = UnusualStretch(last.start, stretch.end, highest, last.windows + 1)
            self._unusual.append(stretch)


class _CurveBuilder:
    """Means over equal numbers of windows. When there are too many points, each two become one.

    Args:
        classes: number of labels.
        length: steps of a window.
    """

    def __init__(self, classes: int, length: int) -> None:
        self._half = length / 2
        # Sums over the windows of each point: centres, then posteriors; the last point may be incomplete.
        self._sums = np.zeros((2 * CURVE_POINTS, 1 + classes))
        self._counts = np.zeros(2 * CURVE_POINTS)
        self._size = 1  # windows of a point
        self._windows = 0

    def add(self, posteriors: Posteriors) -> None:
        """Take the next windows."""
        rows = np.column_stack([posteriors.starts + self._half, posteriors.probabilities])
        while len(rows):
            room = len(self._counts) * self._size - self._windows
            part, rows = rows[:room], rows[room:]
            points = (self._windows + np.arange(len(part))) // self._size
            np.add.at(self._sums, points, part)
            np.add.at(self._counts, points, 1)
            self._windows += len(part)
            if self._windows == len(self._counts) * self._size:
                self._halve()

    def finish(self) -> Curve:
        """The curve, of at most `CURVE_POINTS` points."""
        if self._windows > CURVE_POINTS * self._size:
            self._halve()
        filled = self._counts > 0
        means = self._sums[filled] / self._counts[filled, np.newaxis]
        return Curve(means[:, 0], means[:, 1:])

    def _halve(self) -> None:
        self._size *= 2
        for held in (self._sums, self._counts):
            pairs = held[0::2] + held[1::2]
            held[: len(pairs)], held[len(pairs) :] = pairs, 0
