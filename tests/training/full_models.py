"""Helpers for tests of whole models: smooth made-up series, and answers as arrays by name."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training.artifact.export import named


def smooth_series(count: int = 8, length: int = 500) -> NDArray[np.float32]:
    """Smooth noise in z units, `float32[count, length, 1]`, always the same."""
    steps = np.random.default_rng(3).standard_normal((count, length + 20))
    smooth = np.stack([np.convolve(row, np.hanning(21), "valid") for row in steps])
    normal = (smooth - smooth.mean(axis=1, keepdims=True)) / smooth.std(axis=1, ddof=1, keepdims=True)
    return np.asarray(normal[..., np.newaxis], dtype=np.float32)


def answer(model: Any, series: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """A model's outputs by name."""
    return {name: np.asarray(value) for name, value in named(model(series, training=False)).items()}


def probabilities(model: Any, series: NDArray[np.float32]) -> NDArray[np.float32]:
    """A model's probabilities `float32[n, classes]`."""
    return answer(model, series)["probabilities"]


def layers_of(model: Any, kind: type) -> list[Any]:
    """A model's layers of a kind, those of the models within it too."""
    found = []
    for layer in model.layers:
        found += layers_of(layer, kind) if isinstance(layer, keras.Model) else []
        found += [layer] if isinstance(layer, kind) else []
    return found


def randomise_attention(model: Any) -> int:
    """Replace all weights of all attention layers by noise; how many layers there were."""
    random = np.random.default_rng(0)
    attentions = layers_of(model, keras.layers.MultiHeadAttention)
    for layer in attentions:
        layer.set_weights([random.standard_normal(weight.shape) for weight in layer.get_weights()])
    return len(attentions)
