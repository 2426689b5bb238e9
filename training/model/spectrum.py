"""The logarithms of a series' mean power spectra, inside the graph.

Sounds differ in their power over frequency, not in the time of events. So for each window length the spectra
are averaged over the whole series: the power of a single frame is too noisy. Two means over the frames are
used, arithmetic and geometric; they differ where the power of a band varies over time. Only built-in layers
and `keras.ops` are used, so that the graph loads in safe mode and converts.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops

from training.config import TrainingConfig
from training.model.normalise import z_normalise

# Variance of rounding a value to 2 decimals: step² / 12, the step being 0.01 (uniform distribution).
ROUNDING_VARIANCE = 0.01**2 / 12
# Spectra per window: the arithmetic and the geometric mean over frames.
MEANS = 2


def window_lengths(config: TrainingConfig, length: int) -> tuple[int, ...]:
    """The configured window lengths that fit into a series, the longest first."""
    return tuple(sorted({min(window, length) for window in config.windows}, reverse=True))


def bin_counts(config: TrainingConfig, length: int) -> tuple[int, ...]:
    """Frequency bins of each window's spectrum, in the order of `window_lengths`."""
    return tuple(_transform_length(window) // 2 + 1 for window in window_lengths(config, length))


def spectra_width(config: TrainingConfig, length: int) -> int:
    """Number of values of `log_spectra` for a series with `length` values."""
    return MEANS * sum(bin_counts(config, length))


def window_slices(config: TrainingConfig, length: int) -> tuple[slice, ...]:
    """The columns of `log_spectra` that belong to each window, with both means."""
    slices, start = [], 0
    for bins in bin_counts(config, length):
        slices.append(slice(start, start + MEANS * bins))
        start += MEANS * bins
    return tuple(slices)


def arithmetic_slices(config: TrainingConfig, length: int) -> tuple[slice, ...]:
    """The columns of `log_spectra` with the arithmetic means of each window."""
    windows = zip(window_slices(config, length), bin_counts(config, length), strict=True)
    return tuple(slice(window.start, window.start + bins) for window, bins in windows)


def log_spectra(series: Any, config: TrainingConfig) -> Any:
    """Spectra `float32[n, width]` of z-normalised series `float32[n, length, 1]`.

    For each window length: the logarithms of the arithmetic mean power of all bins, then those of the
    geometric mean.
    """
    windows = window_lengths(config, series.shape[1])
    return ops.concatenate(
        [mean for window in windows for mean in _log_means(series, window, config)], axis=1
    )


def spectra_model(config: TrainingConfig, length: int) -> Any:
    """A `keras.Model` from raw series `float32[n, length, 1]` to their `log_spectra`."""
    series = keras.Input((length, 1))
    return keras.Model(series, log_spectra(z_normalise(series), config))


def _log_means(series: Any, window: int, config: TrainingConfig) -> tuple[Any, Any]:
    power = layers.STFTSpectrogram(
        mode="psd",
        frame_length=window,
        frame_step=max(1, min(config.hop, window // 2)),
        fft_length=_transform_length(window),
        window="hann",
        periodic=True,
        scaling=None,
        padding="valid",
        trainable=False,
        name=f"power_{window}",
    )(series)
    # A periodic Hann window's squares sum to 3/8 of its length: white noise has this power in each bin,
    # and twice as much in `power`, which adds both halves of the spectrum.
    floor = config.floor * ROUNDING_VARIANCE * 3 / 8 * window
    return ops.log(ops.mean(power, axis=1) + floor), ops.mean(ops.log(power + floor), axis=1)


def _transform_length(window: int) -> int:
    return int(2 ** math.ceil(math.log2(window)))
