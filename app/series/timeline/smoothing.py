"""Smooths the class probabilities of overlapping windows: a hidden Markov model with fixed-lag smoothing.

The hidden state is the label at each window t = 0, 1, ….

* Emission: a classifier's p(label | window) / p(label) is proportional to the likelihood of the window
  (Bourlard and Morgan, "Connectionist Speech Recognition", 1994, chapter 7). A share `NOISE` of all windows
  is taken to say nothing about the label, so that no single window decides alone.
* Overlap: windows that share values are no independent evidence. The likelihood of a window is raised to the
  share of its values that no earlier window has, so that each value counts once (a weighted composite
  likelihood: Varin, Reid and Firth, "An overview of composite likelihood methods", Statistica Sinica 21,
  2011).
* Transition: the time between changes has an exponential distribution; the new label is drawn by the priors.

`Smoother` computes p(label at t | all windows up to t + lag) with the forward-backward algorithm (Rabiner,
"A tutorial on hidden Markov models", Proceedings of the IEEE 77, 1989, section III), in blocks that reach
`lag` windows beyond those that are used (fixed-lag smoothing: Anderson and Moore, "Optimal Filtering", 1979,
section 7.3). The influence of later windows falls exponentially with the lag. So memory does not grow with
the recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# A window across a change, or unlike the training data, may be wrong with great certainty.
NOISE = 0.02
# Most windows that a block reaches beyond what is used of it.
MAX_LAG = 2**15
# Windows that are smoothed at once, at least.
_MIN_BLOCK = 1024


class Posteriors(NamedTuple):
    """The posterior probabilities `float64[n, labels]` of windows that start at `int64[n]`."""

    starts: NDArray[np.int64]
    probabilities: NDArray[np.float64]


class _Window(NamedTuple):
    """A window without a posterior."""

    start: int
    forward: NDArray[np.float64]
    emission: NDArray[np.float64]
    change: float  # probability that the label was drawn anew since the window before


class Smoother:
    """Computes posteriors from batches of windows.

    Args:
        priors: `float64[labels]`, probability of each label before any window; they sum to 1.
        length: steps of a window.
        stride: steps from one window to the next.
        duration: expected steps between two changes.
    """

    def __init__(self, priors: NDArray[np.float64], *, length: int, stride: int, duration: float) -> None:
        self._priors, self._length, self._duration = priors, length, duration
        self._lag = min(MAX_LAG, max(1, round(duration / stride)))
        self._block = max(self._lag, _MIN_BLOCK)
        self._windows: list[_Window] = []
        self._last_start: int | None = None
        self._forward = priors

    def add(self, starts: NDArray[np.int64], probabilities: NDArray[np.floating]) -> Iterator[Posteriors]:
        """Take windows in order, and yield the posteriors of windows whose lag is over.

        Args:
            starts: `int64[n]`, ascending.
            probabilities: `[n, labels]`.
        """
        if not len(starts):
            return
        # The first window has all of its values for itself, and its label is drawn by the priors.
        before = int(starts[0]) - self._length if self._last_start is None else self._last_start
        new = np.diff(starts, prepend=before)
        weights = np.minimum(1.0, new / self._length)[:, np.newaxis]
        emissions = ((1 - NOISE) * probabilities.astype(np.float64) / self._priors + NOISE) ** weights
        changes = -np.expm1(-new / self._duration)
        self._last_start = int(starts[-1])
        for start, emission, change in zip(starts.tolist(), emissions, changes.tolist(), strict=True):
            forward = ((1 - change) * self._forward + change * self._priors) * emission
            self._forward = forward / forward.sum()
            self._windows.append(_Window(start, self._forward, emission, change))
            if len(self._windows) >= self._block + self._lag:
                yield self._smoothed(self._block)

    def finish(self) -> Iterator[Posteriors]:
        """Yield the posteriors of all windows that are left."""
        if self._windows:
            yield self._smoothed(len(self._windows))

    def _smoothed(self, count: int) -> Posteriors:
        """The posteriors of the first `count` windows, which are dropped."""
        found = np.empty((count, len(self._priors)))
        backward = np.ones_like(self._priors)
        for t in range(len(self._windows) - 1, -1, -1):
            window = self._windows[t]
            if t < count:
                found[t] = window.forward * backward
            ahead = window.emission * backward
            backward = (1 - window.change) * ahead + window.change * (self._priors @ ahead)
            backward /= backward.sum()
        starts = np.array([window.start for window in self._windows[:count]], np.int64)
        del self._windows[:count]
        return Posteriors(starts, found / found.sum(axis=1, keepdims=True))
