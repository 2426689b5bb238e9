"""The spectra inside the graph are what NumPy's Fourier transform gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from training.config import TrainingConfig
from training.model.spectrum import (
    MEANS,
    ROUNDING_VARIANCE,
    arithmetic_slices,
    bin_counts,
    spectra_model,
    spectra_width,
    window_lengths,
)

Tiny = Callable[..., TrainingConfig]


def _by_hand(series: np.ndarray, window: int, hop: int, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the arithmetic and the geometric mean power of every bin, of z-normalised series."""
    normal = (series - series.mean(1, keepdims=True)) / series.std(1, ddof=1, keepdims=True)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    bins = 2 ** int(np.ceil(np.log2(window)))
    starts = range(0, series.shape[1] - window + 1, hop)
    frames = np.stack([normal[:, start : start + window] * hann for start in starts], axis=1)
    power = np.abs(np.fft.rfft(frames, bins)) ** 2
    power[..., 1:-1] *= 2  # both halves of the spectrum
    least = floor * ROUNDING_VARIANCE * (hann**2).sum()
    return np.log(power.mean(axis=1) + least), np.log(power + least).mean(axis=1)


def test_the_graph_computes_both_mean_spectra(tiny: Tiny) -> None:
    """One window after the other, of each the arithmetic mean's logarithm and then the geometric one's."""
    config = tiny(windows=(20, 50), hop=7, floor=1.0)
    series = np.random.default_rng(0).standard_normal((5, 120)).cumsum(axis=1) * 30 + 400
    spectra = spectra_model(config, 120).predict(series.astype(np.float32)[..., np.newaxis], verbose=0)
    wanted = np.concatenate([*_by_hand(series, 50, 7, 1.0), *_by_hand(series, 20, 7, 1.0)], axis=1)
    assert spectra.shape == (5, spectra_width(config, 120))
    np.testing.assert_allclose(spectra, wanted, atol=2e-3)


def test_the_arithmetic_means_are_found(tiny: Tiny) -> None:
    """The slices name the arithmetic means, window by window; a geometric mean is never above them."""
    config = tiny(windows=(20, 50), hop=7)
    series = np.random.default_rng(1).standard_normal((4, 120, 1)).astype(np.float32)
    spectra = spectra_model(config, 120).predict(series, verbose=0)
    for part, bins in zip(arithmetic_slices(config, 120), bin_counts(config, 120), strict=True):
        geometric = spectra[:, part.stop : part.stop + bins]
        assert (spectra[:, part] >= geometric - 1e-4).all()
    assert spectra_width(config, 120) == MEANS * sum(bin_counts(config, 120))


@pytest.mark.parametrize(("length", "lengths"), [(500, (125, 50)), (100, (100, 50)), (30, (30,))])
def test_windows_fit_into_the_series(tiny: Tiny, length: int, lengths: tuple[int, ...]) -> None:
    """Windows longer than a series become as long as it is; the same length is not taken twice."""
    assert window_lengths(tiny(windows=(50, 125)), length) == lengths
