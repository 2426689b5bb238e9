"""The embedding of a series: the vector before a model's last layer, by which neighbours are found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from app.contract.neighbours import nearest
from training.model.outputs import outputs_of

# The name of the layer, and of the output of a sealed model.
EMBEDDING = "embedding"
# Numbers of neighbours whose vote is measured.
VOTES = (1, 5)


def embedding_model(model: Any) -> Any:
    """A `keras.Model` from the inputs of a classifier to its embedding `float32[n, dimension]`."""
    return keras.Model(model.input, model.get_layer(EMBEDDING).output)


def votes_are_right(
    model: Any,
    fitted: NDArray[np.float32],
    fitted_targets: NDArray[np.int64],
    views: Sequence[NDArray[np.float32]],
    targets: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether most of the nearest series that a classifier was fitted to have the true class.

    Args:
        model: a classifier with a layer named `EMBEDDING`.
        fitted: inputs of the classifier for the m series that it was fitted to.
        fitted_targets: their classes, `int64[m]`.
        views: inputs for n other series, in several precisions.
        targets: their classes, `int64[n]`.

    Returns:
        `bool[views, n, len(VOTES)]`, for each number of neighbours.
    """
    embedding = embedding_model(model)
    embeddings = outputs_of(embedding, fitted)
    right = []
    for view in views:
        indices, _ = nearest(embeddings, outputs_of(embedding, view), max(VOTES))
        classes = fitted_targets[indices]
        right.append(np.column_stack([_votes(classes[:, :count]) == targets for count in VOTES]))
    return np.stack(right)


def _votes(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most frequent class of each row `int64[n, k]`, nearest first; of equal ones, the nearest."""
    counts = (classes[:, :, np.newaxis] == classes[:, np.newaxis, :]).sum(axis=2)
    winners: NDArray[np.int64] = classes[np.arange(len(classes)), counts.argmax(axis=1)]
    return winners
