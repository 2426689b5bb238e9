"""Perturbations of time windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.series.perturbations.base import Perturbation, Values
from app.series.perturbations.regions import gap_edges, window_edges, window_weights


class SmoothWindow(Perturbation):
    """Pulls overlapping windows to the series' mean, most in the middle of each window.

    The windows sum to 1: all of them together make a constant series.
    """

    name = "smooth_window"

    def __init__(self, length: int, windows: int) -> None:
        self.shape = (windows,)
        self.time = window_edges(length, windows)

    def _change(self, channels: Values, chosen: NDArray[np.bool_]) -> Values:
        used = np.flatnonzero(chosen.any(axis=0))
        pull = chosen[:, used].astype(np.float64) @ window_weights(channels.shape[1], len(chosen[0]), used)
        mean = channels.mean(axis=1, keepdims=True)
        changed: Values = channels - pull[:, np.newaxis] * (channels - mean)
        return changed


class InterpolatedGap(Perturbation):
    """Replaces windows by straight lines between the values beside them."""

    name = "interpolated_gap"

    def __init__(self, length: int, windows: int) -> None:
        self.shape = (windows,)
        self.time = gap_edges(length, windows)

    def _change(self, channels: Values, chosen: NDArray[np.bool_]) -> Values:
        assert self.time is not None  # noqa: S101 - set above
        length = channels.shape[1]
        sizes = (self.time.ends - self.time.starts).astype(np.intp)
        steps = np.arange(length)
        changed = np.repeat(channels[np.newaxis], len(chosen), axis=0)
        for variant, gaps in zip(changed, np.repeat(chosen, sizes, axis=1), strict=True):
            kept = np.flatnonzero(~gaps)
            if len(kept) == 0:
                variant[:] = channels.mean(axis=1, keepdims=True)
                continue
            for values in variant:
                values[gaps] = np.interp(steps[gaps], kept, values[kept])
        return changed
