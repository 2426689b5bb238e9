"""The model of the Keras example "Timeseries classification with a Transformer model", layer for layer.

It is the reference for comparisons. Its attention has no effect: each branch ends in a layer normalisation
over one feature, whose output is its bias for any input, so the model is a perceptron on the shifted series.
That perceptron is here too: the same outputs and gradients at a thousandth of the cost.
"""

from __future__ import annotations

from typing import Any

from keras import layers, ops

from training.model.embedding import EMBEDDING

HEAD_SIZE = 256
HEADS = 4
FEED_FORWARD = 4
BLOCKS = 4
HEAD_UNITS = 128
HEAD_DROPOUT = 0.4
DROPOUT = 0.25


def reference_layers(series: Any, *, classes: int) -> Any:
    """The example's `build_model`: `float32[n, length, 1]` to probabilities `float32[n, classes]`."""
    x = series
    for _ in range(BLOCKS):
        x = _encoder(x)
    return _head(x, classes)


def reference_perceptron_layers(series: Any, *, classes: int) -> Any:
    """The same function as `reference_layers`, without the layers that have no effect.

    Only the last layer of each branch remains, the normalisation over one feature: it outputs its bias for
    any input, so its input is zeros, and it gets the only gradient of the branch.
    """
    x = series
    for _ in range(2 * BLOCKS):
        x = layers.LayerNormalization(epsilon=1e-6)(ops.zeros_like(x)) + x
    return _head(x, classes)


def _head(x: Any, classes: int) -> Any:
    x = layers.GlobalAveragePooling1D(data_format="channels_first")(x)
    x = layers.Dense(HEAD_UNITS, activation="relu", name=EMBEDDING)(x)
    x = layers.Dropout(HEAD_DROPOUT)(x)
    return layers.Dense(classes, activation="softmax", name="probabilities")(x)


def _encoder(inputs: Any) -> Any:
    x = layers.MultiHeadAttention(key_dim=HEAD_SIZE, num_heads=HEADS, dropout=DROPOUT)(inputs, inputs)
    x = layers.Dropout(DROPOUT)(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    attended = x + inputs
    x = layers.Conv1D(filters=FEED_FORWARD, kernel_size=1, activation="relu")(attended)
    x = layers.Dropout(DROPOUT)(x)
    x = layers.Conv1D(filters=inputs.shape[-1], kernel_size=1)(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    return x + attended
