"""A Keras model as the function that evaluation asks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.accuracy import Answers, Predict
from training.model.outputs import outputs_of
from training.model.sealed import NOVELTY, PROBABILITIES


def predictor(model: Any) -> Predict:
    """The model as a function of `float32[n, length]`."""

    def predict(series: NDArray[np.float32]) -> Answers:
        outputs = outputs_of(model, series[..., np.newaxis], batch_size=256)
        if not isinstance(outputs, dict):
            return Answers(np.asarray(outputs), None)
        return Answers(np.asarray(outputs[PROBABILITIES]), np.asarray(outputs[NOVELTY])[:, 0])

    return predict
