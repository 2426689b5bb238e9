"""Layer normalisation becomes one operation, and gives the same."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.training.artifact.graphs import answers, keras_answers, operations
from training.artifact.export import convert
from training.artifact.graph import layer_norms
from training.artifact.graph.reading import PatternMismatch


def a_model(epsilon: float = 1e-3) -> Any:
    """A layer norm with weights of its own, and something behind it."""
    tokens = keras.Input((5, 8))
    layer = layers.LayerNormalization(epsilon=epsilon)
    model = keras.Model(tokens, layers.Activation("relu")(layer(tokens)))
    random = np.random.default_rng(0)
    layer.set_weights([random.uniform(0.5, 2, 8), random.standard_normal(8)])
    return model


def tokens_of(count: int, *, scale: float = 1.0) -> np.ndarray:
    """Random tokens `float32[count, 5, 8]`, one of them constant."""
    tokens = scale * (np.random.default_rng(count).standard_normal((count, 5, 8)) + 3)
    tokens[0, 0] = 2
    return tokens.astype(np.float32)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_it_is_one_operation_and_gives_the_same(scale: float) -> None:
    """Outputs agree for any number of series and size of values, and for a constant token."""
    model = a_model()
    graph = convert(model)
    before = operations(graph)
    layer_norms.rewrite(graph)
    found = operations(graph)
    for counted, norm in ((before, 11), (found, 3)):
        others = ("Constant", "Parameter", "Relu", "Result")
        assert sum(counted.values()) - sum(counted[kind] for kind in others) == norm
    assert found["MVN"] == 1
    assert found["ReduceMean"] == found["Power"] == 0
    for count in (3, 1, 7):
        tokens = tokens_of(count, scale=scale)
        np.testing.assert_allclose(answers(graph, tokens), keras_answers(model, tokens), atol=2e-5)


def test_one_that_was_rewritten_can_be_read() -> None:
    """Epsilon, scale and shift are those of the layer; before the rewrite there is no match."""
    model = a_model(epsilon=0.25)
    graph = convert(model)
    relu = next(node for node in graph.get_ordered_ops() if node.get_type_name() == "Relu")
    with pytest.raises(PatternMismatch):
        layer_norms.read(relu.input_value(0))
    layer_norms.rewrite(graph)
    found = layer_norms.read(relu.input_value(0))
    assert found.epsilon == 0.25
    scale, shift = model.layers[1].get_weights()
    np.testing.assert_array_equal(found.scale.reshape(-1), scale)
    np.testing.assert_array_equal(found.shift.reshape(-1), shift)
    assert found.x.get_node().get_type_name() == "Parameter"


def test_a_similar_pattern_is_unchanged() -> None:
    """A norm along another axis, or with another variance, does not match."""
    tokens = keras.Input((5, 8))
    random = np.random.default_rng(1)
    scale, shift = (random.standard_normal(8).astype(np.float32) for _ in range(2))

    def normal(x: Any, other: Any, axis: int) -> Any:
        mean = ops.mean(x, axis=axis, keepdims=True)
        _, variance = ops.moments(other, axes=axis, keepdims=True)
        factor = ops.rsqrt(variance + 1e-3) * scale
        return x * factor + (-mean * factor + shift)

    for outputs, is_one in (
        (normal(tokens, tokens, -1), True),
        (normal(tokens, tokens, 1), False),
        (normal(tokens, ops.square(tokens), -1), False),
    ):
        model = keras.Model(tokens, outputs)
        graph = convert(model)
        layer_norms.rewrite(graph)
        assert operations(graph)["MVN"] == is_one
        inputs = tokens_of(2)
        np.testing.assert_allclose(answers(graph, inputs), keras_answers(model, inputs), rtol=1e-4, atol=1e-4)
