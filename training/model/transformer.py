"""Our model: a transformer over frequency bands, or over time segments, to the logits of the classes.

A spectrum is cut into tokens of neighbouring bins, a series into segments. Each token has its own bias, a
learned position embedding; tokens of a spectrum also have their own weights. Attention relates the tokens.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops

from training.config import TrainingConfig
from training.model.embedding import EMBEDDING
from training.model.normalise import z_normalise
from training.model.spectrum import MEANS, spectra_width, window_slices

# Maximum number of time segments; attention over more takes too long.
MAX_SEGMENTS = 24


def spectrum_classifier(
    config: TrainingConfig, *, length: int, classes: int, mean: Any = None, variance: Any = None
) -> Any:
    """A `keras.Model` from `log_spectra` of series of a length, `float32[n, width]`, to logits.

    Args:
        config: the model's sizes.
        length: values per series.
        classes: number of classes.
        mean: `float[width]`, of the training spectra; default zeros.
        variance: `float[width]`, of the training spectra; default ones.

    Returns:
        The model, with logits `float32[n, classes]`.
    """
    width = spectra_width(config, length)
    spectra = keras.Input((width,), name="spectra")
    standard = layers.Normalization(
        mean=[0.0] * width if mean is None else [float(value) for value in mean],
        variance=[1.0] * width if variance is None else [float(value) for value in variance],
        name="standardise",
    )(spectra)
    tokens = [_bands(standard[:, window], config) for window in window_slices(config, length)]
    logits = _classify(ops.concatenate(tokens, axis=1), classes, config)
    return keras.Model(spectra, logits, name="classifier")


def series_classifier(config: TrainingConfig, *, length: int, classes: int) -> Any:
    """A `keras.Model` from raw series `float32[n, length, 1]` to logits `float32[n, classes]`."""
    series = keras.Input((length, 1), name="series")
    stride = math.ceil(length / MAX_SEGMENTS)
    x = layers.Conv1D(config.width, 2 * stride + 5, padding="same", activation="relu")(z_normalise(series))
    x = layers.MaxPooling1D(stride, padding="same")(x)
    tokens = layers.EinsumDense(
        "bti,io->bto",
        output_shape=(x.shape[1], config.width),
        bias_axes="to",
        name="stretches",
    )(x)
    return keras.Model(series, _classify(tokens, classes, config), name="classifier")


def _bands(spectra: Any, config: TrainingConfig) -> Any:
    """Tokens `float32[n, tokens, width]` of a window's standardised spectra `float32[n, means * bins]`."""
    bins = spectra.shape[1] // MEANS
    tokens = math.ceil(bins / config.patch)
    by_mean = ops.reshape(spectra, (-1, MEANS, bins))
    padded = ops.pad(by_mean, [[0, 0], [0, 0], [0, tokens * config.patch - bins]])
    patches = ops.reshape(padded, (-1, MEANS, tokens, config.patch))
    return layers.EinsumDense("bmtp,tmpd->btd", output_shape=(tokens, config.width), bias_axes="td")(patches)


def _classify(x: Any, classes: int, config: TrainingConfig) -> Any:
    for _ in range(config.blocks):
        x = _encoder(x, config)
    x = layers.LayerNormalization()(x)
    # Flattened, not averaged, so that the head knows which token a value comes from.
    x = layers.Flatten()(layers.Dense(config.readout)(x))
    x = layers.Dense(config.head_units, activation="relu", name=EMBEDDING)(x)
    x = layers.Dropout(config.dropout)(x)
    return layers.Dense(classes, name="logits")(x)


def _encoder(x: Any, config: TrainingConfig) -> Any:
    """A pre-norm encoder block: attention and a feed-forward layer, each with a residual connection."""
    attended = layers.LayerNormalization()(x)
    attended = layers.MultiHeadAttention(
        num_heads=config.heads, key_dim=config.width // config.heads, dropout=config.dropout
    )(attended, attended)
    x = x + layers.Dropout(config.dropout)(attended)
    fed = layers.LayerNormalization()(x)
    fed = layers.Dense(config.feed_forward, activation="relu")(fed)
    fed = layers.Dense(config.width)(fed)
    return x + layers.Dropout(config.dropout)(fed)
