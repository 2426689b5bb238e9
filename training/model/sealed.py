"""The complete models, from raw series to all outputs, with preprocessing inside."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from training.config import TrainingConfig
from training.model.embedding import EMBEDDING
from training.model.normalise import z_normalise
from training.model.novelty import LEAST_SQUARE, Novelty
from training.model.reference import reference_layers, reference_perceptron_layers
from training.model.spectrum import arithmetic_slices, log_spectra

INPUT_NAME = "series"
PROBABILITIES, NOVELTY = "probabilities", "novelty"


def build_reference(config: TrainingConfig, *, length: int, classes: int) -> Any:
    """An untrained reference model with one output, `probabilities`."""
    series = keras.Input((length, 1), name=INPUT_NAME)
    layers_of = reference_layers if config.model == "reference" else reference_perceptron_layers
    return keras.Model(series, layers_of(z_normalise(series), classes=classes), name=config.model)


def with_embedding(reference: Any) -> Any:
    """The model to seal, around a trained reference model: a dict of `probabilities` and `embedding`."""
    outputs = {PROBABILITIES: reference.output, EMBEDDING: reference.get_layer(EMBEDDING).output}
    return keras.Model(reference.input, outputs, name=reference.name)


def build_trusted(
    classifier: Any, config: TrainingConfig, *, length: int, temperature: float, novelty: Novelty
) -> Any:
    """The model to seal, built around a trained classifier.

    Args:
        classifier: gives logits of spectra or of series, as `config.tokens` says.
        config: sets the tokens and the spectra.
        length: values per series.
        temperature: divides the logits (Guo et al., "On Calibration of Modern Neural Networks", 2017).
        novelty: the fitted novelty score.

    Returns:
        A `keras.Model` from raw series `float32[n, length, 1]` to a dict of `probabilities`
        `float32[n, classes]`, which are calibrated, `novelty` `float32[n, 1]`, and `embedding`.
    """
    # A copy without the optimizer, which would otherwise be saved with the model.
    copied = keras.Model.from_config(classifier.get_config())
    copied.set_weights(classifier.get_weights())
    series = keras.Input((length, 1), name=INPUT_NAME)
    spectra = log_spectra(z_normalise(series), config)
    both = keras.Model(copied.input, [copied.output, copied.get_layer(EMBEDDING).output], name=copied.name)
    logits, embedding = both(spectra if config.tokens == "spectrum" else series)
    calibrated = layers.Rescaling(1 / temperature, name="temperature")(logits)
    whiten = layers.Dense(novelty.kernel.shape[1], name="whiten", trainable=False)
    arithmetic = [spectra[:, part] for part in arithmetic_slices(config, length)]
    square = ops.mean(ops.square(whiten(ops.concatenate(arithmetic, axis=1))), axis=1, keepdims=True)
    outputs = {
        PROBABILITIES: layers.Softmax(name=PROBABILITIES)(calibrated),
        # Factor 0.5 because the logarithm is of the square; the layer also gives the output its name.
        NOVELTY: layers.Rescaling(0.5, name=NOVELTY)(ops.log(square + LEAST_SQUARE)),
        EMBEDDING: embedding,
    }
    whiten.set_weights([novelty.kernel, novelty.bias])
    return keras.Model(series, outputs, name=config.model)
