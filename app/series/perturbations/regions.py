"""Regions of time and frequency: windows that overlap and sum to 1, and bands of Fourier frequencies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.series.perturbations.base import Edges, Values


def window_weights(length: int, windows: int, numbers: NDArray[np.intp]) -> Values:
    """Triangles with flat ends that sum to 1 at every time step, and have the same area each.

    Args:
        length: of the series.
        windows: number of all windows.
        numbers: `int[k]`, the windows to return.

    Returns:
        Weights `float64[k, length]` from 0 to 1.
    """
    # In units of a window's width; centres are at 0, 1, 2, ...
    position = (np.arange(length) + 0.5) * (windows / length) - 0.5
    position = np.clip(position, 0, windows - 1)
    weights: Values = np.maximum(0.0, 1.0 - np.abs(position - numbers[:, np.newaxis]))
    return weights


def window_edges(length: int, windows: int) -> Edges:
    """The time steps with a positive weight of each window of `window_weights`."""
    width = length / windows
    centres = (np.arange(windows) + 0.5) * width - 0.5
    starts = np.clip(np.floor(centres - width) + 1, 0, length)
    ends = np.clip(np.ceil(centres + width), 0, length)
    return Edges(starts, ends)


def gap_edges(length: int, windows: int) -> Edges:
    """Windows next to each other that share no time step."""
    edges = np.arange(windows + 1) * length // windows
    return Edges(edges[:-1].astype(np.float64), edges[1:].astype(np.float64))


def most_bands(length: int) -> int:
    """The largest number of bands: each needs one Fourier frequency above 0."""
    return length // 2


def band_weights(length: int, bands: int, numbers: NDArray[np.intp]) -> Values:
    """`window_weights` along the Fourier frequencies above 0: bands that overlap and sum to 1.

    Args:
        length: of the series.
        bands: number of all bands.
        numbers: `int[k]`, the bands to return.

    Returns:
        Weights `float64[k, length // 2 + 1]` of the bins of `numpy.fft.rfft`. Bin 0, a series' mean, is in no
        band.
    """
    weights = np.zeros((len(numbers), most_bands(length) + 1))
    weights[:, 1:] = window_weights(most_bands(length), bands, numbers)
    return weights


def band_edges(length: int, bands: int) -> Edges:
    """The bands in cycles per sample; edges are halfway between a bin with a positive weight and the next."""
    starts, ends = window_edges(most_bands(length), bands)
    return Edges((starts + 0.5) / length, np.minimum((ends + 0.5) / length, 0.5))


def single_regions(regions: int, start: int, end: int) -> NDArray[np.bool_]:
    """Choose one region a variant: `bool[end - start, regions]`, region `start` in the first."""
    chosen: NDArray[np.bool_] = np.arange(start, end)[:, np.newaxis] == np.arange(regions)
    return chosen
