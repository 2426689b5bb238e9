"""Perturbations of frequency bands, which overlap and sum to 1 as the time windows do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.series.perturbations.base import Perturbation, Values
from app.series.perturbations.regions import band_edges, band_weights
from app.series.perturbations.spectrum import MedianSpectrum, mirrored

# A band that a series hardly has is not raised by more than this factor. Higher ones (4, 10) made more
# variants unlike the training data and told no more.
MOST_GAIN = 2.0


class BandStop(Perturbation):
    """Removes frequency bands, most in the middle of each band."""

    name = "band_stop"

    def __init__(self, length: int, bands: int) -> None:
        self.shape = (bands,)
        self.frequency = band_edges(2 * length, bands)

    def _change(self, channels: Values, chosen: NDArray[np.bool_]) -> Values:
        length = channels.shape[1]
        extended = mirrored(channels)
        transform = np.fft.rfft(extended, axis=1)
        used = np.flatnonzero(chosen.any(axis=0))
        weights = band_weights(2 * length, chosen.shape[1], used)
        factors = self._factors(extended, transform, chosen[:, used].astype(np.float64), weights)
        changed = np.fft.irfft(transform * factors, n=2 * length, axis=2)[:, :, :length]
        # Not to be rounded where nothing changes.
        changed[~chosen.any(axis=1)] = channels
        return changed

    def _factors(
        self, channels: Values, transform: NDArray[np.complex128], chosen: Values, weights: Values
    ) -> Values:
        """What each bin of each variant is multiplied by, `float64[m, channels or 1, bins]`.

        Args:
            channels: `float64[channels, 2 * length]`, the series and its mirror image.
            transform: `complex128[channels, bins]`, its Fourier transform.
            chosen: `float64[m, k]`, 1 for bands to change.
            weights: `float64[k, bins]`, of the bands.
        """
        del channels, transform  # only subclasses need them
        factors: Values = 1.0 - chosen @ weights
        return factors[:, np.newaxis]


class BandGain(BandStop):
    """Raises or lowers frequency bands to the median power that the training series have there.

    Between the middles of two bands, the logarithm of the gain is interpolated.
    """

    name = "band_gain"

    def __init__(self, length: int, bands: int, spectrum: MedianSpectrum) -> None:
        super().__init__(length, bands)
        self._spectrum = spectrum
        self._density = spectrum.density(2 * length)

    def _factors(
        self, channels: Values, transform: NDArray[np.complex128], chosen: Values, weights: Values
    ) -> Values:
        wanted = (self._density @ weights.T) * self._spectrum.scales(channels)[:, np.newaxis]
        gains = gains_to(wanted, np.abs(transform) ** 2 @ weights.T)
        factors: Values = np.exp((chosen[:, np.newaxis] * np.log(gains)) @ weights)
        return factors


def gains_to(wanted: Values, power: Values) -> Values:
    """Factors of amplitudes that change a power to the wanted one, at most `MOST_GAIN`; 1 for no power.

    At least 1e-6: their logarithm is taken.
    """
    ratio = np.divide(wanted, power, out=np.ones_like(power), where=power > 0)
    return np.clip(np.sqrt(ratio), 1e-6, MOST_GAIN)
