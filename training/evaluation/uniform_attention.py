"""What a model's attention looks at, and the same model without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

ROWS_AT_ONCE = 256


def attention_received(classifier: Any, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much each token is attended to: the mean over encoder blocks, heads and asking tokens.

    Args:
        classifier: a functional `keras.Model` with self-attention, its blocks at the top level.
        inputs: what it takes, `float32[n, ...]`.

    Returns:
        `float64[n, tokens]`, rows that sum to 1.
    """
    attention = {layer.name: layer for layer in _attention_layers(classifier)}
    probe = keras.Model(classifier.input, {name: layer.input[0] for name, layer in attention.items()})
    parts = [
        _received(attention, probe(inputs[start : start + ROWS_AT_ONCE], training=False))
        for start in range(0, len(inputs), ROWS_AT_ONCE)
    ]
    return np.concatenate(parts)


@contextmanager
def uniform_attention(model: Any) -> Iterator[None]:
    """Meanwhile every token attends to all tokens alike: with queries of 0 all scores are equal."""
    queries = [layer.query_dense for layer in _attention_layers(model)]
    kept = [query.get_weights() for query in queries]
    try:
        for query, weights in zip(queries, kept, strict=True):
            query.set_weights([np.zeros_like(weight) for weight in weights])
        yield
    finally:
        for query, weights in zip(queries, kept, strict=True):
            query.set_weights(weights)


def _received(attention: dict[str, Any], tokens: dict[str, Any]) -> NDArray[np.float64]:
    # The layers are called anew: as nodes of a model they do not give their scores.
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
