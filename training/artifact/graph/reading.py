"""Reading a graph backwards: from an output to what it is made of.

`Any` is OpenVINO's `Output` or `Node`, which have no types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Unlike(Exception):
    """The graph is made otherwise than what is looked for."""


def require(holds: object) -> None:
    """Go on only if it holds.

    Raises:
        Unlike: it does not.
    """
    if not holds:
        raise Unlike


def each(graph: Any, kind: str, read: Callable[[Any], T]) -> Iterator[tuple[Any, T]]:
    """What is looked for, wherever it is in a graph, which may be changed meanwhile.

    Args:
        graph: an `openvino.Model`.
        kind: of the nodes whose first output is read.
        read: what an output is made of; raises `Unlike` where it is something else.
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() == kind:
            try:
                found = read(node.output(0))
            except Unlike:
                continue
            yield node.output(0), found


def made_by(output: Any, kind: str) -> Any:
    """The node of an output, which is of a kind.

    Raises:
        Unlike: it is of another.
    """
    node = output.get_node()
    require(node.get_type_name() == kind)
    return node


def constant(output: Any) -> NDArray[np.float64]:
    """The numbers of a constant.

    Raises:
        Unlike: it is none.
    """
    return np.asarray(made_by(output, "Constant").get_data(), np.float64)


def is_constant(output: Any) -> bool:
    """Whether an output is a constant."""
    return bool(output.get_node().get_type_name() == "Constant")


def with_constant(output: Any, kind: str) -> tuple[Any, NDArray[np.float64]]:
    """The operands of an operation on something and a constant, in whatever order: that, then the constant.

    Raises:
        Unlike: it is another operation, or has none or two constants.
    """
    operands = made_by(output, kind).input_values()
    require(len(operands) == 2 and [is_constant(operand) for operand in operands].count(True) == 1)
    first, second = operands
    return (second, constant(first)) if is_constant(first) else (first, constant(second))


def operands(output: Any, kind: str) -> tuple[Any, Any]:
    """The two operands of an operation.

    Raises:
        Unlike: it is another operation.
    """
    first, second = made_by(output, kind).input_values()
    return first, second


def product(output: Any) -> tuple[Any, NDArray[np.float64]]:
    """The operands of a matrix product with constant weights: something, and `float64[inputs, outputs]`.

    Raises:
        Unlike: it is no such product.
    """
    node = made_by(output, "MatMul")
    how = node.get_attributes()
    require(not how["transpose_a"])
    weights = constant(node.input_value(1))
    require(weights.ndim == 2)
    return node.input_value(0), weights.T if how["transpose_b"] else weights


def users(output: Any) -> list[Any]:
    """The nodes that read an output."""
    return [target.get_node() for target in output.get_target_inputs()]


def same(one: Any, other: Any) -> bool:
    """Whether two outputs are one. Comparing nodes would make a node of the graph that compares."""
    return bool(
        one.get_node().get_friendly_name() == other.get_node().get_friendly_name()
        and one.get_index() == other.get_index()
    )
