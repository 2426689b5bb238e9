"""The attention that each token receives, and the same model with uniform attention."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

BLOCK_SIZE = 256


def attention_received(classifier: Any, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """The attention that each token receives: the mean over encoder blocks, heads and query tokens.

    Args:
        classifier: a functional `keras.Model` with self-attention, its blocks at the top level.
        inputs: inputs of the classifier, `float32[n, ...]`.

    Returns:
        `float64[n, tokens]`, rows that sum to 1.
    """
    attention = {layer.name: layer for layer in _attention_layers(classifier)}
    probe = keras.Model(classifier.input, {name: layer.input[0] for name, layer in attention.items()})
    parts = [
        _received(attention, probe(inputs[start : start + BLOCK_SIZE], training=False))
        for start in range(0, len(inputs), BLOCK_SIZE)
    ]
    return np.concatenate(parts)


@contextmanager
def uniform_attention(model: Any) -> Iterator[None]:
    """While the block runs, each token attends to all tokens equally: queries are 0, so scores are equal."""
    queries = [layer.query_dense for layer in _attention_layers(model)]
    saved = [query.get_weights() for query in queries]
    try:
        for query, weights in zip(queries, saved, strict=True):
            query.set_weights([np.zeros_like(weight) for weight in weights])
        yield
    finally:
        for query, weights in zip(queries, saved, strict=True):
            query.set_weights(weights)


def _received(attention: dict[str, Any], tokens: dict[str, Any]) -> NDArray[np.float64]:
    # The layers are called directly: as nodes of a model they do not return their scores.
    scores = [
        np.asarray(layer(tokens[name], tokens[name], return_attention_scores=True)[1], dtype=np.float64)
        for name, layer in attention.items()
    ]
    received: NDArray[np.float64] = np.mean([score.mean(axis=(1, 2)) for score in scores], axis=0)
    return received


def _attention_layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if isinstance(layer, layers.MultiHeadAttention):
            yield layer
        elif hasattr(layer, "layers"):
            yield from _attention_layers(layer)
