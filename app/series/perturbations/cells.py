"""Perturbations of time-frequency cells: a frequency band within a time window.

A cell's part of a series is the series filtered to the band, times the window's weights. The parts of all
cells sum to the series without its mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.series.perturbations.bands import gains_to
from app.series.perturbations.base import Perturbation, Values
from app.series.perturbations.regions import band_edges, band_weights, window_edges, window_weights
from app.series.perturbations.spectrum import MedianSpectrum, mirrored


class CellStop(Perturbation):
    """Removes the parts of cells."""

    name = "cell_stop"

    def __init__(self, length: int, windows: int, bands: int) -> None:
        self.shape = (bands, windows)
        self.time = window_edges(length, windows)
        self.frequency = band_edges(2 * length, bands)

    def _scales(self, channels: Values) -> Values:
        """As `MedianSpectrum.scales`, for `_gains`."""
        return np.ones(len(channels))

    def _gains(self, power: Values, band: Values, scales: Values) -> Values:
        """The factors of a band in some windows, `float64[channels, k]`.

        Args:
            power: `float64[channels, k]`, weighted mean square of the band's part in each window.
            band: `float64[bins]`, its weights.
            scales: `float64[channels]`, of `_scales`.
        """
        del band, scales  # only subclasses need them
        return np.zeros_like(power)

    def _change(self, channels: Values, chosen: NDArray[np.bool_]) -> Values:
        bands, windows = self.shape
        length = channels.shape[1]
        by_band = chosen.reshape(len(chosen), bands, windows)
        extended = mirrored(channels)
        transform, scales = np.fft.rfft(extended, axis=1), self._scales(extended)
        changed = np.repeat(channels[np.newaxis], len(chosen), axis=0)
        for band in np.flatnonzero(by_band.any(axis=(0, 2))):
            of_band = by_band[:, band]
            rows, used = np.flatnonzero(of_band.any(axis=1)), np.flatnonzero(of_band.any(axis=0))
            [of_bins] = band_weights(2 * length, bands, np.array([band]))
            filtered = np.fft.irfft(transform * of_bins, n=2 * length, axis=1)[:, :length]
            weights = window_weights(length, windows, used)
            power = (filtered**2 @ weights.T) / weights.sum(axis=1)
            change = self._gains(power, of_bins, scales) - 1.0
            factors = of_band[np.ix_(rows, used)][:, np.newaxis] * change
            changed[rows] += (factors @ weights) * filtered
        return changed


class CellGain(CellStop):
    """Raises or lowers cells to the median power that the training series have in their band."""

    name = "cell_gain"

    def __init__(self, length: int, windows: int, bands: int, spectrum: MedianSpectrum) -> None:
        super().__init__(length, windows, bands)
        self._spectrum = spectrum
        # By Parseval's theorem, the mean square of a signal is the sum of |X|² over the bins of both signs,
        # divided by T². The highest frequency has one bin alone. T is the length with the mirror image.
        both_signs = np.full(length + 1, 2.0)
        both_signs[-1] = 1.0
        self._density = spectrum.density(2 * length) * both_signs / (2 * length) ** 2

    def _scales(self, channels: Values) -> Values:
        return self._spectrum.scales(channels)

    def _gains(self, power: Values, band: Values, scales: Values) -> Values:
        wanted = (self._density @ band**2) * scales
        return gains_to(np.broadcast_to(wanted[:, np.newaxis], power.shape), power)
