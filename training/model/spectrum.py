"""The logarithms of a series' mean power spectra, inside the graph.

What tells sounds apart is how power is spread over frequency, not when something happens. So each window
length gives spectra averaged over the whole series: one frame's power is far too noisy. Two means are taken
over the frames, the arithmetic and the geometric; where they differ, a band's power comes and goes. Built-in
layers and `keras.ops` alone, so that the graph loads safely and converts.
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
# Spectra a window: by the arithmetic and by the geometric mean over frames.
MEANS = 2


def window_lengths(config: TrainingConfig, length: int) -> tuple[int, ...]:
    """The configured window lengths that fit into a series, the longest first."""
    return tuple(sorted({min(window, length) for window in config.windows}, reverse=True))


def bin_counts(config: TrainingConfig, length: int) -> tuple[int, ...]:
    """Frequency bins of each window's spectrum, in the order of `window_lengths`."""
    return tuple(_transform_length(window) // 2 + 1 for window in window_lengths(config, length))


def spectra_width(config: TrainingConfig, length: int) -> int:
    """Number of values that `log_spectra` gives for a series of a length."""
    return MEANS * sum(bin_counts(config, length))


def window_slices(config: TrainingConfig, length: int) -> tuple[slice, ...]:
    """Where among the values of `log_spectra` each window's are, all its means."""
    slices, start = [], 0
    for bins in bin_counts(config, length):
        slices.append(slice(start, start + MEANS * bins))
        start += MEANS * bins
    return tuple(slices)


def arithmetic_slices(config: TrainingConfig, length: int) -> tuple[slice, ...]:
    """Where among the values of `log_spectra` the arithmetic means are: a slice for each window."""
    windows = zip(window_slices(config, length), bin_counts(config, length), strict=True)
    return tuple(slice(window.start, window.start + bins) for window, bins in windows)


def log_spectra(series: Any, config: TrainingConfig) -> Any:
    """Spectra `float32[n, width]` of z-normalised series `float32[n, length, 1]`.

    One window length after the other; of each the logarithm of the arithmetic mean power of every bin, then
    that of the geometric mean.
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
    # A periodic Hann window's squares sum to 3/8 of its length: white noise has this power in any bin, and
    # twice of it in `power`, where both halves of the spectrum are added up.
    floor = config.floor * ROUNDING_VARIANCE * 3 / 8 * window
    return ops.log(ops.mean(power, axis=1) + floor), ops.mean(ops.log(power + floor), axis=1)


def _transform_length(window: int) -> int:
    return int(2 ** math.ceil(math.log2(window)))
