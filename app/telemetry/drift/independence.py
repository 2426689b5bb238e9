"""Which series are counted: the alarm's bets need series that do not repeat what others said.

Overlapping windows of one recording share most of their values, so one unusual value would count many times.
Of windows with a stride, one of each `ceil(length / stride)` is counted: those do not overlap
(`app.series.windows.without_overlap`). A stream says its stride. In other requests, windows are recognised by
their values, if the second series of the request continues the first.

A series that was seen before is counted once: a probe that sends the same series every second, or a load test
with one body, tells nothing new. A constant series is always counted: it is what a dead sensor sends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Values of a series that its fingerprint is made of, evenly spread.
_SAMPLED = 32
# Fingerprints that are kept. A repeated series counts again once another one has taken its place: of series
# that are not repeated, each takes a place, so it is at most one series in this many.
_PLACES = 2**14
# Consecutive differences that must agree before the whole overlap is compared.
_PROBED = 6
# Relative to the largest value: what the conversion to float32 may change.
_TOLERANCE = 1e-5


def stride_of(series: NDArray[np.float32]) -> int | None:
    """The stride of consecutive windows of one recording; None if the first two series do not overlap.

    Args:
        series: `float32[n, *SeriesSpec.shape]`, n at least 2. Of several channels, the first one is compared.
            The windows' offsets may differ: each may have been converted by itself.
    """
    first, second = series[:2] if series.ndim == 2 else series[:2, :, 0]
    steps, following = np.diff(first), np.diff(second)
    tolerance = _TOLERANCE * float(np.abs(first).max())
    size = len(steps) - _PROBED
    if size < 1 or float(np.abs(following).max()) <= tolerance:
        return None
    strides = 1 + np.flatnonzero(np.abs(steps[1 : size + 1] - following[0]) <= tolerance)
    for offset in range(1, _PROBED):
        strides = strides[np.abs(steps[strides + offset] - following[offset]) <= tolerance]
    for stride in strides.tolist():
        if np.abs(steps[stride:] - following[: len(steps) - stride]).max() <= tolerance:
            return int(stride)
    return None


class RepetitionFilter:
    """Recognises series that were seen before, also among the last 16,384 others.

    Args:
        length: values of a series, in all channels.
    """

    def __init__(self, length: int) -> None:
        random = np.random.default_rng()  # clients cannot know which series take each other's place
        # Not `np.unique`: it imports `numpy.ma`, which takes 20 ms.
        self._sampled = np.array(sorted({int(i) for i in np.linspace(0, length - 1, _SAMPLED)}), np.intp)
        self._weights = random.integers(1, 2**63, len(self._sampled), dtype=np.uint64) * 2 + 1
        self._places = np.zeros(_PLACES, np.uint64)

    def are_new(self, series: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which series were not seen before, `bool[n]`; they are remembered.

        Args:
            series: `float32[n, *SeriesSpec.shape]`.
        """
        values = series.reshape(len(series), -1)[:, self._sampled]
        bits = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
        prints = (bits * self._weights).sum(axis=1, dtype=np.uint64)
        # The low bits of such a sum depend on the low bits of the values alone.
        places = (prints >> np.uint64(40)).astype(np.intp) % _PLACES
        new: NDArray[np.bool_] = self._places[places] != prints
        self._places[places] = prints
        if len(prints) > 1:
            first = np.zeros(len(prints), np.bool_)
            first[np.unique(prints, return_index=True)[1]] = True
            new &= first
        return new


def are_constant(series: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which series have one value alone, `bool[n]`, of `float32[n, *SeriesSpec.shape]`."""
    values = series.reshape(len(series), -1)
    constant = np.asarray(values[:, 0] == values[:, -1])
    for row in np.flatnonzero(constant).tolist():  # of few series
        constant[row] = bool((values[row] == values[row, 0]).all())
    return constant
