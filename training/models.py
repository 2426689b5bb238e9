"""The models by name, each whole: from the raw series to probabilities, preprocessing inside."""

from __future__ import annotations

from typing import Any

import keras

from training.config import TrainingConfig
from training.normalise import z_normalise
from training.reference import reference_layers, reference_perceptron_layers
from training.transformer import transformer_layers

INPUT_NAME = "series"
OUTPUT_NAME = "probabilities"


def build_model(config: TrainingConfig, *, length: int, classes: int) -> Any:
    """The configured model, untrained.

    Args:
        config: names the model and its sizes.
        length: values a series.
        classes: number of classes.

    Returns:
        A `keras.Model` from raw series `float32[n, length, 1]` to probabilities `float32[n, classes]`.
    """
    series = keras.Input((length, 1), name=INPUT_NAME)
    normalised = z_normalise(series)
    if config.model == "reference":
        probabilities = reference_layers(normalised, classes=classes)
    elif config.model == "reference-perceptron":
        probabilities = reference_perceptron_layers(normalised, classes=classes)
    else:
        probabilities = transformer_layers(normalised, classes=classes, config=config)
    return keras.Model(series, probabilities, name=config.model)
