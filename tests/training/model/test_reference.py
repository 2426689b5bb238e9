"""The reference as its document has it, and the perceptron that it equals."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from tests.training.full_models import probabilities, randomise_attention, smooth_series
from training.config import config_from
from training.model.reference import reference_layers
from training.model.sealed import build_reference

# The summary printed in the document, row by row: layer, output shape after the batch, parameters.
BLOCK = [
    ("MultiHeadAttention", (500, 1), 7169),
    ("Dropout", (500, 1), 0),
    ("LayerNormalization", (500, 1), 2),
    ("Add", (500, 1), 0),
    ("Conv1D", (500, 4), 8),
    ("Dropout", (500, 4), 0),
    ("Conv1D", (500, 1), 5),
    ("LayerNormalization", (500, 1), 2),
    ("Add", (500, 1), 0),
]
TABLE = [
    ("InputLayer", (500, 1), 0),
    *BLOCK * 4,
    ("GlobalAveragePooling1D", (500,), 0),
    ("Dense", (128,), 64128),
    ("Dropout", (128,), 0),
    ("Dense", (2,), 258),
]


# The layers of the reference that have an effect.
COUNTING = (keras.layers.LayerNormalization, keras.layers.Dense)


@pytest.fixture(scope="module")
def reference() -> Any:
    """The sealed form of the reference model, preprocessing inside."""
    keras.utils.set_random_seed(0)
    return build_reference(config_from({"model": "reference"}), length=500, classes=2)


def test_the_reference_is_the_documents_table() -> None:
    """Layer types, output shapes and parameters are those of the document's summary, in its order."""
    series = keras.Input((500, 1))
    model = keras.Model(series, reference_layers(series, classes=2))
    rows = [
        (
            type(operation).__name__,
            tuple(operation.output.shape[1:]),
            operation.count_params() if isinstance(operation, keras.Layer) else 0,
        )
        for operation in model.operations
    ]
    assert rows == TABLE
    assert model.count_params() == 93_130


def test_the_sealed_reference_adds_no_parameters(reference: Any) -> None:
    """Normalising inside the graph leaves the reference's 93,130 parameters as they are."""
    assert reference.count_params() == 93_130


def test_the_references_attention_does_nothing(reference: Any) -> None:
    """Noise instead of all attention weights changes no answer of the reference by the least bit."""
    before = probabilities(reference, smooth_series())
    assert randomise_attention(reference) == 4
    np.testing.assert_array_equal(probabilities(reference, smooth_series()), before)


def test_the_perceptron_is_the_reference() -> None:
    """With the same weights where they count, both give the same answers, and the same gradients there.

    All other gradients of the reference are exactly zero.
    """
    keras.utils.set_random_seed(0)
    reference = build_reference(config_from({"model": "reference"}), length=500, classes=2)
    perceptron = build_reference(config_from({"model": "reference-perceptron"}), length=500, classes=2)
    counting = [layer for layer in reference.layers if isinstance(layer, COUNTING)]
    rng = np.random.default_rng(0)
    for layer in counting:
        layer.set_weights([w + rng.normal(0, 0.1, w.shape) for w in layer.get_weights()])
    twins = [layer for layer in perceptron.layers if isinstance(layer, COUNTING)]
    for layer, twin in zip(counting, twins, strict=True):
        twin.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        probabilities(perceptron, smooth_series()), probabilities(reference, smooth_series()), atol=1e-5
    )

    gradients, twin_gradients = _gradients(reference), _gradients(perceptron)
    live = {id(variable) for layer in counting for variable in layer.trainable_variables}
    for variable, gradient in zip(reference.trainable_variables, gradients, strict=True):
        assert id(variable) in live or not gradient.any(), variable.path
    kept = [g for v, g in zip(reference.trainable_variables, gradients, strict=True) if id(v) in live]
    for gradient, twin_gradient in zip(kept, twin_gradients, strict=True):
        np.testing.assert_allclose(twin_gradient, gradient, atol=1e-4)


def _gradients(model: Any) -> list[NDArray[np.float32]]:
    """Gradients of the cross-entropy with all series in class 1."""
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(tf.math.log(model(smooth_series(), training=False)[:, 1]))
    return [np.asarray(gradient) for gradient in tape.gradient(loss, model.trainable_weights)]
