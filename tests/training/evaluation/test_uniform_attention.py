"""Looking at a model's attention, and switching it off."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from tests.training.report.reports import a_config
from training.evaluation.uniform_attention import attention_received, uniform_attention
from training.model.spectrum import spectra_width
from training.model.transformer import series_classifier, spectrum_classifier

TOKENS = 5 + 3
WIDTH = spectra_width(a_config(), 64)


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    """An untrained transformer whose attention is far from uniform."""
    model = spectrum_classifier(a_config(), length=64, classes=3)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.MultiHeadAttention):
            query = layer.query_dense
            query.set_weights([random.standard_normal(weight.shape) for weight in query.get_weights()])
    return model


@pytest.fixture(scope="module")
def spectra() -> np.ndarray:
    """Inputs, more than one block."""
    return np.random.default_rng(1).standard_normal((300, WIDTH)).astype(np.float32)


def test_every_token_gets_its_share(classifier: keras.Model, spectra: np.ndarray) -> None:
    """The attention received sums to 1 per series, and differs between tokens and series."""
    received = attention_received(classifier, spectra)
    assert received.shape == (300, TOKENS)
    np.testing.assert_allclose(received.sum(axis=1), 1, rtol=1e-5)
    assert received.std(axis=1).min() > 1e-3
    assert received.std(axis=0).min() > 1e-3


def test_the_first_blocks_scores_are_those_of_its_formula() -> None:
    """With one block, what is received is the mean softmax of scaled products of queries and keys."""
    model = spectrum_classifier(a_config(blocks=1), length=64, classes=2)
    inputs = np.random.default_rng(2).standard_normal((4, WIDTH)).astype(np.float32)
    layer = next(layer for layer in model.layers if isinstance(layer, layers.MultiHeadAttention))
    tokens = np.asarray(keras.Model(model.input, layer.input[0])(inputs))
    query, key = (
        np.einsum("ntd,dhk->nthk", tokens, dense.get_weights()[0]) + dense.get_weights()[1]
        for dense in (layer.query_dense, layer.key_dense)
    )
    scores = np.exp(np.einsum("nqhk,nthk->nhqt", query, key) / np.sqrt(query.shape[-1]))
    scores /= scores.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(attention_received(model, inputs), scores.mean(axis=(1, 2)), rtol=1e-4)


def test_uniform_attention_is_uniform_in_every_block(classifier: keras.Model, spectra: np.ndarray) -> None:
    """Inside the context, each token attends to all tokens equally in each block and head."""
    attention = [layer for layer in classifier.layers if isinstance(layer, layers.MultiHeadAttention)]
    probe = keras.Model(classifier.input, [layer.input[0] for layer in attention])
    with uniform_attention(classifier):
        for layer, tokens in zip(attention, probe(spectra), strict=True):
            scores = np.asarray(layer(tokens, tokens, return_attention_scores=True)[1])
            np.testing.assert_allclose(scores, 1 / TOKENS, rtol=1e-6)


def test_afterwards_the_weights_are_back(classifier: keras.Model, spectra: np.ndarray) -> None:
    """Outputs change inside the context and are restored after it, also after an error."""
    before = classifier.predict(spectra, verbose=0)

    def fails() -> None:
        with uniform_attention(classifier):
            assert np.abs(classifier.predict(spectra, verbose=0) - before).max() > 1e-3
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    np.testing.assert_array_equal(classifier.predict(spectra, verbose=0), before)


def test_nested_models_are_found() -> None:
    """The attention of a nested classifier becomes uniform too."""
    inner = series_classifier(a_config(tokens="time"), length=64, classes=2)
    series = keras.Input((64, 1))
    outer = keras.Model(series, layers.Softmax()(inner(series)))
    attention = [layer for layer in inner.layers if isinstance(layer, layers.MultiHeadAttention)]
    with uniform_attention(outer):
        assert [
            np.abs(weight).max() for layer in attention for weight in layer.query_dense.get_weights()
        ] == [0] * 4
    assert all(np.abs(layer.query_dense.get_weights()[0]).max() > 0 for layer in attention)
