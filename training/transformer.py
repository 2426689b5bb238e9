"""Our model: a transformer over frequency, on the logarithm of a series' average power spectrum.

What tells the classes apart is how power is spread over frequency, not when something happens. So each
window length gives one spectrum, averaged over the whole series before its logarithm (one frame's power is
far too noisy), cut into tokens of neighbouring bins. Each token has weights and a bias of its own: the bias
is its learned position. Attention then relates bands to each other.
"""

from __future__ import annotations

import math
from typing import Any

from keras import layers, ops

from training.config import TrainingConfig

# Variance of rounding a value to 2 decimals: step² / 12, the step being 0.01 (uniform distribution).
ROUNDING_VARIANCE = 0.01**2 / 12


def transformer_layers(series: Any, *, classes: int, config: TrainingConfig) -> Any:
    """The model on z-normalised series `float32[n, length, 1]`; probabilities `float32[n, classes]`."""
    lengths = sorted({min(window, series.shape[1]) for window in config.windows}, reverse=True)
    x = ops.concatenate([_spectrum_tokens(series, length, config) for length in lengths], axis=1)
    for _ in range(config.blocks):
        x = _encoder(x, config)
    x = layers.LayerNormalization()(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(config.head_units, activation="relu")(x)
    x = layers.Dropout(config.dropout)(x)
    return layers.Dense(classes, activation="softmax", name="probabilities")(x)


def _spectrum_tokens(series: Any, window: int, config: TrainingConfig) -> Any:
    """Tokens `float32[n, tokens, width]` of the average power spectrum with a Hann window of a length."""
    bins = 2 ** math.ceil(math.log2(window))
    power = layers.STFTSpectrogram(
        mode="psd",
        frame_length=window,
        frame_step=max(1, min(config.hop, window // 2)),
        fft_length=bins,
        window="hann",
        scaling=None,
        padding="valid",
        trainable=False,
        name=f"power_{window}",
    )(series)
    # A periodic Hann window's squares sum to 3/8 of its length: the power that white noise has in any bin.
    floor = config.floor * ROUNDING_VARIANCE * 3 / 8 * window
    spectrum = ops.log(ops.mean(power, axis=1) + floor)
    spectrum = layers.BatchNormalization(
        center=False, scale=False, momentum=0.9, epsilon=1e-5, name=f"standardise_{window}"
    )(spectrum)
    tokens = math.ceil((bins // 2 + 1) / config.patch)
    padded = ops.pad(spectrum, [[0, 0], [0, tokens * config.patch - (bins // 2 + 1)]])
    patches = ops.reshape(padded, (-1, tokens, config.patch))
    return layers.EinsumDense(
        "btp,tpd->btd", output_shape=(tokens, config.width), bias_axes="td", name=f"tokens_{window}"
    )(patches)


def _encoder(x: Any, config: TrainingConfig) -> Any:
    """A pre-normalised encoder block: attention and a perceptron, each added to what came in."""
    attended = layers.LayerNormalization()(x)
    attended = layers.MultiHeadAttention(
        num_heads=config.heads, key_dim=config.width // config.heads, dropout=config.dropout
    )(attended, attended)
    x = x + layers.Dropout(config.dropout)(attended)
    fed = layers.LayerNormalization()(x)
    fed = layers.Dense(config.feed_forward, activation="relu")(fed)
    fed = layers.Dense(config.width)(fed)
    return x + layers.Dropout(config.dropout)(fed)
