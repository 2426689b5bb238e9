"""A model's outputs for arrays of any length, in batches of a fixed size."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


def outputs_of(model: Any, inputs: NDArray[np.float32], *, batch_size: int = 512) -> Any:
    """The outputs of a Keras model as arrays: one, or one for each name.

    `Model.predict` builds a `tf.data` pipeline for each call, which takes longer than the outputs themselves.

    Args:
        model: a `keras.Model`.
        inputs: `float32[n, ...]`, n at least 1.
        batch_size: inputs that are computed at once.
    """
    batches = [
        model.predict_on_batch(inputs[start : start + batch_size])
        for start in range(0, len(inputs), batch_size)
    ]
    return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
