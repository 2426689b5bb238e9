"""Segments and change points from posterior probabilities, in memory that does not grow with the recording.

Each window gets its most probable label (posterior decoding: Durbin, Eddy, Krogh and Mitchison, "Biological
Sequence Analysis", 1998, section 3.2). A window stands for its centre: about half of a window has to be of
another label before a classifier says so.

Where the label changes from a to b, F(t) = p(b at t) / (p(a at t) + p(b at t)) is the posterior probability
that the change has happened by window t. The interval of the change reaches from the last window before it
with F <= TAIL to the first window after it with F >= 1 - TAIL, and not beyond the neighbouring changes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.series.timeline.document import ChangePoint, Segment
from app.series.timeline.smoothing import Posteriors

# Posterior probability on each side of the interval of a change point.
TAIL = 0.025


class _Change(NamedTuple):
    """A change whose interval has no end yet; labels are their columns."""

    position: int
    low: int
    before: int
    after: int


class Decoder:
    """Decodes posteriors, in the order of their windows.

    Args:
        labels: in the order of the columns.
        length: steps of a window.
    """

    def __init__(self, labels: tuple[str, ...], length: int) -> None:
        self._labels, self._half = labels, length // 2
        self._segments: list[Segment] = []
        self._changes: list[ChangePoint] = []
        self._pending: _Change | None = None
        # Of the current segment: its label, start, windows, and the sum of its label's posteriors.
        self._label = -1
        self._start = self._windows = 0
        self._sum = 0.0
        self._centre = 0  # of the last window
        # For each other label: the centre of the last window at which it was improbable.
        self._lows = np.zeros(len(labels), np.int64)

    def add(self, posteriors: Posteriors) -> None:
        """Take the next windows."""
        centres = posteriors.starts + self._half
        winners = posteriors.probabilities.argmax(axis=1)
        runs = np.flatnonzero(np.diff(winners)) + 1
        for first, end in zip([0, *runs.tolist()], [*runs.tolist(), len(winners)], strict=True):
            self._take_run(int(winners[first]), centres[first:end], posteriors.probabilities[first:end])

    def finish(self, start: int, end: int) -> tuple[tuple[Segment, ...], tuple[ChangePoint, ...]]:
        """The segments and changes of a recording whose windows reach from `start` to `end`."""
        self._resolve(self._centre)
        self._end_segment(end)
        first, *others = self._segments
        return (replace(first, start=start), *others), tuple(self._changes)

    def _take_run(self, label: int, centres: NDArray[np.int64], probabilities: NDArray[np.float64]) -> None:
        """Take consecutive windows with one label."""
        if label != self._label:
            self._begin_segment(label, int(centres[0]))
        own = probabilities[:, [label]]
        shares = probabilities / (probabilities + own)  # of the two labels alone
        if (change := self._pending) is not None:
            certain = shares[:, change.before] <= TAIL
            if certain.any():
                self._resolve(int(centres[certain.argmax()]))
        improbable = shares <= TAIL
        last = len(centres) - 1 - improbable[::-1].argmax(axis=0)
        self._lows = np.where(improbable.any(axis=0), centres[last], self._lows)
        self._windows += len(centres)
        self._sum += float(own.sum())
        self._centre = int(centres[-1])

    def _begin_segment(self, label: int, centre: int) -> None:
        if self._label >= 0:
            self._resolve(self._centre)
            position = (self._centre + centre + 1) // 2
            self._pending = _Change(position, int(self._lows[label]), self._label, label)
            self._end_segment(position)
            self._start = position
        self._label, self._windows, self._sum = label, 0, 0.0
        self._lows = np.full(len(self._labels), centre, np.int64)

    def _end_segment(self, end: int) -> None:
        label = self._labels[self._label]
        mean = self._sum / self._windows
        self._segments.append(Segment(self._start, end, label, round(mean, 6), self._windows))

    def _resolve(self, high: int) -> None:
        """End the interval of the pending change, if there is one."""
        if (change := self._pending) is not None:
            labels = self._labels[change.before], self._labels[change.after]
            self._changes.append(ChangePoint(change.position, change.low, high, *labels))
            self._pending = None
