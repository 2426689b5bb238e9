"""The median spectrum of a data set: how much of each frequency its series usually have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.series.perturbations.base import Values
from app.series.perturbations.regions import most_bands
from app.series.spec import by_channel

# Frequency bands of a median spectrum.
MOST_BANDS = 64
# With more channels, all share one spectrum: it is part of `contract.json`.
MOST_CHANNELS = 64
# Digits that are kept.
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class MedianSpectrum:
    """The median power in bands of equal width.

    Attributes:
        power: `float64[channels, bands]`, the median over series of the mean of |X|²/(T s²) over a band's
            bins; X is the Fourier transform of a channel without its mean and its mirror image, T the length
            of both, s the standard deviation, or 1 if scale matters to the model. White noise has power 1.
            One row may stand for all channels.
        is_relative: whether s is the standard deviation.
    """

    power: Values
    is_relative: bool

    def density(self, length: int) -> Values:
        """The median power at each bin of `numpy.fft.rfft`; `float64[channels, bins]`, 0 in bin 0."""
        edges = _edges(length, self.power.shape[1])
        density = np.zeros((len(self.power), most_bands(length) + 1))
        density[:, 1:] = np.repeat(self.power, np.diff(edges), axis=1)
        return density

    def scales(self, channels: Values) -> Values:
        """s² T for the channels `float64[channels, length]` of a series; 1 where a channel is constant."""
        length = channels.shape[1]
        if not self.is_relative:
            return np.full(len(channels), float(length))
        variance = channels.var(axis=1)
        scales: Values = np.where(variance > 0, variance, 1.0 / length) * length
        return scales


def mirrored(channels: Values) -> Values:
    """Each channel followed by its mirror image: `float64[channels, 2 * length]`.

    A Fourier transform takes a series as periodic. Without the mirror image, the jump from its last value to
    its first one would be part of the highest frequencies of its first and last window.
    """
    return np.concatenate([channels, channels[:, ::-1]], axis=1)


def median_spectrum(series: NDArray[np.float32], *, is_relative: bool) -> MedianSpectrum:
    """Measure the median spectrum of series `float32[n, *SeriesSpec.shape]`.

    Args:
        series: of the training data; at least two time steps each.
        is_relative: whether to compare each channel's power with its variance.
    """
    channels = 1 if series.ndim == 2 else series.shape[2]
    values = mirrored(by_channel(series).astype(np.float64))
    length = values.shape[1]
    empty = MedianSpectrum(np.ones((1, 1)), is_relative)
    bands = min(MOST_BANDS, most_bands(series.shape[1]))
    power = np.abs(np.fft.rfft(values - values.mean(axis=1, keepdims=True), axis=1)[:, 1:]) ** 2
    edges = _edges(length, bands)
    means = np.add.reduceat(power / empty.scales(values)[:, np.newaxis], edges[:-1], axis=1) / np.diff(edges)
    by_series = means.reshape(len(series), channels, bands)
    median = np.median(by_series, axis=0)
    if channels > MOST_CHANNELS:
        median = np.median(median, axis=0, keepdims=True)
    rounded = [[float(f"{value:.{_DIGITS}g}") for value in row] for row in median]
    return MedianSpectrum(np.array(rounded), is_relative)


def _edges(length: int, bands: int) -> NDArray[np.intp]:
    """Where bands of equal width start among the bins above 0, and where the last one ends."""
    return np.arange(bands + 1) * most_bands(length) // bands
