"""Reading a graph backwards, and refusing what is made otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino.opset13 as op
import pytest

from training.artifact.graph.reading import (
    PatternMismatch,
    constant,
    is_constant,
    producer,
    product,
    require,
    same,
    users,
    with_constant,
)


def a_parameter() -> Any:
    """An output `[2, 3]`."""
    return op.parameter([2, 3], np.float32).output(0)


def test_a_false_condition_is_a_mismatch() -> None:
    """A true condition raises nothing."""
    require([1])
    with pytest.raises(PatternMismatch):
        require([])


def test_a_constant_is_found_in_either_place() -> None:
    """Two constants, none, or another operation do not match."""
    x, numbers = a_parameter(), op.constant(np.array([1, 2, 3], np.float32))
    for node in (op.subtract(x, numbers), op.subtract(numbers, x)):
        other, found = with_constant(node.output(0), "Subtract")
        assert same(other, x)
        np.testing.assert_array_equal(found, [1, 2, 3])
    for node in (op.subtract(x, x), op.subtract(numbers, numbers), op.add(x, numbers)):
        with pytest.raises(PatternMismatch):
            with_constant(node.output(0), "Subtract")


def test_a_node_is_known_by_its_kind() -> None:
    """A parameter is no constant."""
    x, numbers = a_parameter(), op.constant(np.float32(4)).output(0)
    assert producer(x, "Parameter").get_friendly_name() == x.get_node().get_friendly_name()
    assert is_constant(numbers)
    assert not is_constant(x)
    assert constant(numbers) == 4
    with pytest.raises(PatternMismatch):
        constant(x)


def test_weights_are_given_as_inputs_by_outputs() -> None:
    """Weights are found in both orientations; transposed inputs and batched weights do not match."""
    x, weights = a_parameter(), np.arange(12, dtype=np.float32).reshape(3, 4)
    for node in (op.matmul(x, weights, False, False), op.matmul(x, weights.T.copy(), False, True)):
        inputs, found = product(node.output(0))
        assert same(inputs, x)
        np.testing.assert_array_equal(found, weights)
    for node in (op.matmul(x, weights[:2], True, False), op.matmul(x, weights[np.newaxis], False, False)):
        with pytest.raises(PatternMismatch):
            product(node.output(0))


def test_outputs_are_identified_by_node_and_port() -> None:
    """The two outputs of a split are different; the users of each are found."""
    halves = op.split(a_parameter(), op.constant(np.int64(0)), 2).outputs()
    reader = op.relu(halves[1])
    assert same(halves[0], halves[0])
    assert not same(*halves)
    assert [node.get_friendly_name() for node in users(halves[1])] == [reader.get_friendly_name()]
    assert users(halves[0]) == []
