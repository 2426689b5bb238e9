"""The whole models: from the raw series to everything that is answered, preprocessing inside."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from training.config import TrainingConfig
from training.model.normalise import z_normalise
from training.model.novelty import LEAST_SQUARE, Novelty
from training.model.reference import reference_layers, reference_perceptron_layers
from training.model.spectrum import arithmetic_slices, log_spectra

INPUT_NAME = "series"
PROBABILITIES, NOVELTY = "probabilities", "novelty"


def build_reference(config: TrainingConfig, *, length: int, classes: int) -> Any:
    """A model to compare with, untrained: one output, `probabilities`."""
    series = keras.Input((length, 1), name=INPUT_NAME)
    make = reference_layers if config.model == "reference" else reference_perceptron_layers
    return keras.Model(series, make(z_normalise(series), classes=classes), name=config.model)


def build_trusted(
    classifier: Any, config: TrainingConfig, *, length: int, temperature: float, novelty: Novelty
) -> Any:
    """The model that is sealed, around a trained classifier.

    Args:
        classifier: gives logits; takes spectra or series, as the configured tokens are.
        config: of the spectra.
        length: values a series.
        temperature: divides the logits (Guo et al., "On Calibration of Modern Neural Networks", 2017).
        novelty: the distance from the training data.

    Returns:
        A `keras.Model` from raw series `float32[n, length, 1]` to a dict of `probabilities`
        `float32[n, classes]`, which are calibrated, and `novelty` `float32[n, 1]`.
    """
    # A copy, for the one that was fitted has its optimizer with it, and would take that into the file.
    copied = keras.Model.from_config(classifier.get_config())
    copied.set_weights(classifier.get_weights())
    series = keras.Input((length, 1), name=INPUT_NAME)
    spectra = log_spectra(z_normalise(series), config)
    logits = copied(spectra if config.tokens == "spectrum" else series)
    calibrated = layers.Rescaling(1 / temperature, name="temperature")(logits)
    distance = layers.Dense(novelty.kernel.shape[1], name="whiten", trainable=False)
    arithmetic = [spectra[:, part] for part in arithmetic_slices(config, length)]
    square = ops.mean(ops.square(distance(ops.concatenate(arithmetic, axis=1))), axis=1, keepdims=True)
    outputs = {
        PROBABILITIES: layers.Softmax(name=PROBABILITIES)(calibrated),
        # One half: the logarithm of a square is twice that of its root. The layer gives the output its name.
        NOVELTY: layers.Rescaling(0.5, name=NOVELTY)(ops.log(square + LEAST_SQUARE)),
    }
    distance.set_weights([novelty.kernel, novelty.bias])
    return keras.Model(series, outputs, name=config.model)
