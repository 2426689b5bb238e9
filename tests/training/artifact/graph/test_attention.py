"""Self-attention, head by head, gives what Keras' layer gives."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import openvino
import openvino.opset13 as op
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from tests.training.artifact.graphs import answers, keras_answers, operations
from training.artifact.export import convert
from training.artifact.graph import attention, layer_norms
from training.artifact.graph.attention import BOUNDED, Attention, Heads, largest_score

TOKENS, INPUTS = 6, 8


def a_model(*, heads: int = 2, columns: int = 4, weight: float = 0.5, normal: bool = True) -> Any:
    """A self-attention block with normally distributed weights."""
    tokens = keras.Input((TOKENS, INPUTS))
    norm = layers.LayerNormalization()
    x = norm(tokens) if normal else tokens
    layer = layers.MultiHeadAttention(heads, columns)
    model = keras.Model(tokens, layers.Add()([tokens, layer(x, x)]))
    random = np.random.default_rng(heads)
    if normal:
        norm.set_weights([random.uniform(0.5, 1, INPUTS), random.uniform(-1, 1, INPUTS)])
    layer.set_weights([weight * random.standard_normal(part.shape) for part in layer.get_weights()])
    return model


def rewritten(model: Any) -> Any:
    """Its graph, with layer norms rewritten too."""
    graph = convert(model)
    layer_norms.rewrite(graph)
    attention.rewrite(graph)
    return graph


def tokens_of(count: int) -> np.ndarray:
    """Random tokens `float32[count, TOKENS, INPUTS]`."""
    return np.random.default_rng(count).standard_normal((count, TOKENS, INPUTS)).astype(np.float32)


@pytest.mark.parametrize(("heads", "columns"), [(1, 8), (2, 4), (3, 15), (2, 16), (1, 40)])
@pytest.mark.parametrize("normal", [True, False])
def test_the_answers_are_the_same(heads: int, columns: int, normal: bool) -> None:
    """Outputs agree for any number of heads, columns and series, in a graph compiled once."""
    model = a_model(heads=heads, columns=columns, weight=0.3, normal=normal)
    graph = rewritten(model)
    found = operations(graph)
    assert found["Softmax"] == found["Einsum"] == 0
    compiled_once = tokens_of(5)
    np.testing.assert_allclose(answers(graph, compiled_once), keras_answers(model, compiled_once), atol=2e-5)
    for count in (1, 33):
        tokens = tokens_of(count)
        np.testing.assert_allclose(answers(graph, tokens), keras_answers(model, tokens), atol=2e-5)


def test_scores_without_a_bound_are_lowered_first() -> None:
    """The largest score is subtracted unless a layer norm bounds the scores."""
    assert operations(rewritten(a_model(weight=0.1)))["ReduceMax"] == 0
    for model in (a_model(weight=8.0), a_model(weight=0.1, normal=False)):
        graph = rewritten(model)
        assert operations(graph)["ReduceMax"] == 1
        tokens = tokens_of(4) * np.float32(100)
        wanted = keras_answers(model, tokens)
        np.testing.assert_allclose(answers(graph, tokens), wanted, atol=1e-4 * np.abs(wanted).max())


def normal_tokens(scale: np.ndarray, shift: np.ndarray) -> Any:
    """The output of a layer norm."""
    tokens = op.parameter(openvino.PartialShape([-1, TOKENS, INPUTS]), np.float32)
    normal = op.mvn(tokens, op.constant(np.array([2])), True, 1e-3, "inside_sqrt")
    scaled = op.multiply(normal, op.constant(scale.astype(np.float32)))
    return op.add(scaled, op.constant(shift.astype(np.float32))).output(0)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), weight=st.floats(0.01, 2.0))
def test_no_score_exceeds_its_bound(seed: int, weight: float) -> None:
    """No score of many random tokens exceeds the bound, and the bound is of the same size."""
    random = np.random.default_rng(seed)
    query, key = (
        Heads(weight * random.standard_normal((2, INPUTS, 4)), weight * random.standard_normal((2, 1, 4)))
        for _ in range(2)
    )
    scale, shift = random.uniform(0.5, 2, INPUTS), random.standard_normal(INPUTS)
    block = Attention(normal_tokens(scale, shift), query, key, query, np.zeros((2, 4, INPUTS)))
    raw = random.standard_normal((200, INPUTS))
    tokens = (raw - raw.mean(axis=1, keepdims=True)) / raw.std(axis=1, keepdims=True) * scale + shift
    queries, keys = (tokens @ part.kernel + part.bias for part in (query, key))
    largest = np.abs(queries @ keys.transpose(0, 2, 1)).max()
    assert largest <= largest_score(block) <= 100 * largest


def test_tokens_of_unknown_size_have_no_bound() -> None:
    """Without a layer norm there is no bound; `BOUNDED` leaves room for sums and products."""
    tokens = op.parameter(openvino.PartialShape([-1, TOKENS, INPUTS]), np.float32).output(0)
    zeros = Heads(np.zeros((2, INPUTS, 4)), np.zeros((2, 1, 4)))
    assert largest_score(Attention(tokens, zeros, zeros, zeros, np.zeros((2, 4, INPUTS)))) == math.inf
    assert math.exp(BOUNDED) < 1e-12 * np.finfo(np.float32).max
    assert math.exp(-BOUNDED) > 1e10 * np.finfo(np.float32).tiny


def test_attention_to_something_else_stays() -> None:
    """Attention to other tokens does not match."""
    tokens = keras.Input((TOKENS, INPUTS))
    model = keras.Model(tokens, layers.MultiHeadAttention(2, 4)(tokens, layers.Activation("tanh")(tokens)))
    graph = rewritten(model)
    assert operations(graph)["Softmax"] == 1
    inputs = tokens_of(3)
    np.testing.assert_allclose(answers(graph, inputs), keras_answers(model, inputs), atol=2e-5)
