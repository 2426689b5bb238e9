"""Match patterns in a graph, backwards from an output to its inputs.

`Any` is an OpenVINO `Output` or `Node`, which have no type stubs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class PatternMismatch(Exception):
    """The graph does not match the pattern."""


def require(holds: object) -> None:
    """Raise `PatternMismatch` unless a condition holds.

    Raises:
        PatternMismatch: it does not hold.
    """
    if not holds:
        raise PatternMismatch


def find_all(graph: Any, kind: str, match: Callable[[Any], T]) -> Iterator[tuple[Any, T]]:
    """Yield each output that matches a pattern, with the match; the graph may change meanwhile.

    Args:
        graph: an `openvino.Model`.
        kind: operation type of the nodes whose first output is matched.
        match: matches an output; raises `PatternMismatch` if it is something else.
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() == kind:
            try:
                found = match(node.output(0))
            except PatternMismatch:
                continue
            yield node.output(0), found


def producer(output: Any, kind: str) -> Any:
    """The node that computes an output, if it has the operation type `kind`.

    Raises:
        PatternMismatch: it has another type.
    """
    node = output.get_node()
    require(node.get_type_name() == kind)
    return node


def constant(output: Any) -> NDArray[np.float64]:
    """The values of a constant.

    Raises:
        PatternMismatch: the output is not a constant.
    """
    return np.asarray(producer(output, "Constant").get_data(), np.float64)


def is_constant(output: Any) -> bool:
    """Whether an output is a constant."""
    return bool(output.get_node().get_type_name() == "Constant")


def with_constant(output: Any, kind: str) -> tuple[Any, NDArray[np.float64]]:
    """The operands of an operation with one constant, in either order: the other operand, then the constant.

    Raises:
        PatternMismatch: it is another operation, or has no constant or two.
    """
    operands = producer(output, kind).input_values()
    require(len(operands) == 2 and [is_constant(operand) for operand in operands].count(True) == 1)
    first, second = operands
    return (second, constant(first)) if is_constant(first) else (first, constant(second))


def operands(output: Any, kind: str) -> tuple[Any, Any]:
    """The two operands of an operation.

    Raises:
        PatternMismatch: it is another operation.
    """
    first, second = producer(output, kind).input_values()
    return first, second


def product(output: Any) -> tuple[Any, NDArray[np.float64]]:
    """The operands of a matrix product with constant weights: an output, and `float64[inputs, outputs]`.

    Raises:
        PatternMismatch: it is another operation, or its weights are not constant.
    """
    node = producer(output, "MatMul")
    attributes = node.get_attributes()
    require(not attributes["transpose_a"])
    weights = constant(node.input_value(1))
    require(weights.ndim == 2)
    return node.input_value(0), weights.T if attributes["transpose_b"] else weights


def users(output: Any) -> list[Any]:
    """The nodes that read an output."""
    return [target.get_node() for target in output.get_target_inputs()]


def same(one: Any, other: Any) -> bool:
    """Whether two outputs are the same. `==` on nodes would add a comparison node to the graph."""
    return bool(
        one.get_node().get_friendly_name() == other.get_node().get_friendly_name()
        and one.get_index() == other.get_index()
    )
