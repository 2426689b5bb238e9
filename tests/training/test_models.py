"""The models: the reference as its document has it, ours with attention that works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.config import TrainingConfig, config_from
from training.models import build_model
from training.reference import reference_layers
from training.sources import package_folder

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


def _series(count: int = 8, length: int = 500) -> NDArray[np.float32]:
    steps = np.random.default_rng(3).standard_normal((count, length + 20))
    smooth = np.stack([np.convolve(row, np.hanning(21), "valid") for row in steps])
    normal = (smooth - smooth.mean(axis=1, keepdims=True)) / smooth.std(axis=1, ddof=1, keepdims=True)
    return np.asarray(normal[..., np.newaxis], dtype=np.float32)


def _answer(model: Any, series: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(model(series, training=False))


def _randomise_attention(model: Any) -> int:
    """Replace all weights of all attention layers by noise; how many there were."""
    random = np.random.default_rng(0)
    attentions = [layer for layer in model.layers if isinstance(layer, keras.layers.MultiHeadAttention)]
    for layer in attentions:
        layer.set_weights([random.standard_normal(weight.shape) for weight in layer.get_weights()])
    return len(attentions)


# The layers of the reference that have an effect.
COUNTING = (keras.layers.LayerNormalization, keras.layers.Dense)


@pytest.fixture(scope="module")
def reference() -> Any:
    """The sealed form of the reference model, preprocessing inside."""
    keras.utils.set_random_seed(0)
    return build_model(config_from({"model": "reference"}), length=500, classes=2)


@pytest.fixture(scope="module")
def ours() -> Any:
    """Our model with its default sizes."""
    keras.utils.set_random_seed(0)
    return build_model(TrainingConfig(), length=500, classes=2)


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
    before = _answer(reference, _series())
    assert _randomise_attention(reference) == 4
    np.testing.assert_array_equal(_answer(reference, _series()), before)


def test_the_perceptron_is_the_reference() -> None:
    """With the same weights where they count, both give the same answers, and the same gradients there.

    All other gradients of the reference are exactly zero.
    """
    keras.utils.set_random_seed(0)
    reference = build_model(config_from({"model": "reference"}), length=500, classes=2)
    perceptron = build_model(config_from({"model": "reference-perceptron"}), length=500, classes=2)
    counting = [layer for layer in reference.layers if isinstance(layer, COUNTING)]
    rng = np.random.default_rng(0)
    for layer in counting:
        layer.set_weights([w + rng.normal(0, 0.1, w.shape) for w in layer.get_weights()])
    twins = [layer for layer in perceptron.layers if isinstance(layer, COUNTING)]
    for layer, twin in zip(counting, twins, strict=True):
        twin.set_weights(layer.get_weights())
    np.testing.assert_allclose(_answer(perceptron, _series()), _answer(reference, _series()), atol=1e-5)

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
        loss = -tf.reduce_mean(tf.math.log(model(_series(), training=False)[:, 1]))
    return [np.asarray(gradient) for gradient in tape.gradient(loss, model.trainable_weights)]


def test_our_attention_works(tiny: Callable[..., TrainingConfig]) -> None:
    """Noise instead of attention weights changes every answer of ours."""
    model = build_model(tiny(windows=(125, 50)), length=500, classes=2)
    before = _answer(model, _series())
    assert _randomise_attention(model) == 1
    assert (np.abs(_answer(model, _series()) - before).max(axis=1) > 1e-4).all()


def test_ours_is_small(ours: Any) -> None:
    """The default model has at most 100,000 parameters, those of the fixed spectra included."""
    assert ours.count_params() <= 100_000


def test_ours_is_made_of_builtin_layers(ours: Any, tmp_path: Path) -> None:
    """It loads in safe mode, has no custom class and no Lambda, and then gives the very same answers."""
    path = tmp_path / "model.keras"
    ours.save(path)
    again = keras.saving.load_model(path, safe_mode=True, compile=False)
    np.testing.assert_array_equal(_answer(again, _series()), _answer(ours, _series()))
    kinds = {type(operation) for operation in ours.operations}
    assert all(kind.__module__.startswith("keras.") for kind in kinds)
    assert keras.layers.Lambda not in kinds


@pytest.mark.parametrize("model", ["ours", "reference"])
def test_inputs_and_outputs_are_the_contracts(model: str, request: pytest.FixtureRequest) -> None:
    """The input is `series`, the output `probabilities`, and rows sum to 1."""
    built = request.getfixturevalue(model)
    assert built.inputs[0].name == "series"
    assert built.layers[-1].name == "probabilities"
    answers = _answer(built, _series())
    assert answers.shape == (8, 2)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)


@settings(deadline=None, max_examples=12)
@given(
    offset=st.floats(-1e6, 1e6, allow_nan=False),
    exponent=st.floats(-6, 6, allow_nan=False),
    model=st.sampled_from(["ours", "reference"]),
)
def test_offset_and_scale_do_not_matter(
    offset: float, exponent: float, model: str, ours: Any, reference: Any
) -> None:
    """A raw series gets the answer of its z-normalised form, whatever its offset and scale."""
    built = {"ours": ours, "reference": reference}[model]
    raw = (
        ((_series(count=2).astype(np.float64) + offset) * 10**exponent).astype(np.float32).astype(np.float64)
    )
    normal = (raw - raw.mean(axis=1, keepdims=True)) / raw.std(axis=1, ddof=1, keepdims=True)
    np.testing.assert_allclose(
        _answer(built, raw.astype(np.float32)), _answer(built, normal.astype(np.float32)), atol=2e-4
    )


def test_a_constant_series_gets_an_answer(ours: Any, reference: Any) -> None:
    """A series without variation gives probabilities, not NaN."""
    for model in (ours, reference):
        answers = _answer(model, np.full((1, 500, 1), 3.7, np.float32))
        assert np.isfinite(answers).all()
        assert answers.sum() == pytest.approx(1)


def test_a_series_gets_the_same_answer_in_any_batch(ours: Any) -> None:
    """Alone or among others, a series of the real test set gets the same answer."""
    folder = package_folder()
    assert folder is not None
    with (folder / "FordA_TEST.tsv").open() as file:
        rows = [next(file).split("\t")[1:] for _ in range(16)]
    series = np.array(rows, dtype=np.float32)[..., np.newaxis]
    alone = np.concatenate([_answer(ours, row[np.newaxis]) for row in series])
    np.testing.assert_allclose(_answer(ours, series), alone, atol=1e-5)


@pytest.mark.parametrize("length", [8, 15, 24, 700])
@pytest.mark.parametrize("name", ["transformer", "reference"])
def test_other_lengths_and_classes(name: str, length: int) -> None:
    """Windows adapt to short series, and any number of classes is possible."""
    model = build_model(config_from({"model": name}), length=length, classes=5)
    answers = _answer(model, _series(count=3, length=length))
    assert answers.shape == (3, 5)
    assert np.isfinite(answers).all()
