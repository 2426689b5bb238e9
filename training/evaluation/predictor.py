"""A Keras model as a predict function for evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.accuracy import ModelOutputs, Predict
from training.model.outputs import outputs_of
from training.model.sealed import NOVELTY, PROBABILITIES


def predictor(model: Any) -> Predict:
    """A function from series `float32[n, length]` to the model's outputs."""

    def predict(series: NDArray[np.float32]) -> ModelOutputs:
        outputs = outputs_of(model, series[..., np.newaxis], batch_size=256)
        if not isinstance(outputs, dict):
            return ModelOutputs(np.asarray(outputs), None)
        novelty = np.asarray(outputs[NOVELTY])[:, 0] if NOVELTY in outputs else None
        return ModelOutputs(np.asarray(outputs[PROBABILITIES]), novelty)

    return predict
