"""Layer normalisation in three operations, one of them fused in runtimes; Keras writes eleven."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import openvino.opset13 as op
from numpy.typing import NDArray

from training.artifact.graph.reading import (
    PatternMismatch,
    constant,
    find_all,
    operands,
    producer,
    require,
    same,
    with_constant,
)


class LayerNorm(NamedTuple):
    """Along the last axis: `(x - mean) / sqrt(variance + epsilon) * scale + shift`."""

    x: Any
    epsilon: float
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]


def rewrite(graph: Any) -> None:
    """Replace each layer normalisation that Keras wrote."""
    for output, found in find_all(graph, "Add", _match):
        output.replace(_replacement(found).output(0))


def read(output: Any) -> LayerNorm:
    """Read a layer normalisation that `rewrite` made.

    Raises:
        PatternMismatch: the output is something else.
    """
    scaled, shift = with_constant(output, "Add")
    normal, scale = with_constant(scaled, "Multiply")
    node = producer(normal, "MVN")
    return LayerNorm(node.input_value(0), node.get_attributes()["eps"], scale, shift)


def _replacement(found: LayerNorm) -> Any:
    last = np.array([len(found.x.get_partial_shape()) - 1])
    normal = op.mvn(found.x, op.constant(last), True, found.epsilon, "inside_sqrt")
    scaled = op.multiply(normal, op.constant(found.scale.astype(np.float32)))
    return op.add(scaled, op.constant(found.shift.astype(np.float32)))


def _match(output: Any) -> LayerNorm:
    """Match `x * factor + (-mean * factor + shift)`, where `factor` is scale / deviation."""
    for part, rest in (pair := operands(output, "Add")), pair[::-1]:
        try:
            moved, shift = with_constant(rest, "Add")
            for x, factor in (both := operands(part, "Multiply")), both[::-1]:
                if _is_moved(moved, x, factor):
                    scale, epsilon = _factor(x, factor)
                    return LayerNorm(x, epsilon, scale, shift)
        except PatternMismatch:
            continue
    raise PatternMismatch


def _is_moved(moved: Any, x: Any, factor: Any) -> bool:
    """Whether an output is `-mean(x) * factor`."""
    for minus, other in (both := operands(moved, "Multiply")), both[::-1]:
        if same(other, factor):
            mean, sign = with_constant(minus, "Multiply")
            return bool((sign == -1).all()) and same(_mean_of(mean), x)
    return False


def _factor(x: Any, factor: Any) -> tuple[NDArray[np.float64], float]:
    """Scale and epsilon of `scale * (variance(x) + epsilon) ** -0.5`."""
    inverse, scale = with_constant(factor, "Multiply")
    widened, power = with_constant(inverse, "Power")
    variance, epsilon = with_constant(widened, "Add")
    difference, mean = operands(_mean_of(variance), "SquaredDifference")
    require((power == -0.5).all() and epsilon.size == 1)
    require(same(difference, x) and same(_mean_of(mean), x))
    return scale, float(epsilon.reshape(()))


def _mean_of(output: Any) -> Any:
    """The input of a mean along the last axis with `keep_dims`."""
    node = producer(output, "ReduceMean")
    x = node.input_value(0)
    axes = constant(node.input_value(1)).reshape(-1).tolist()
    require(node.get_attributes()["keep_dims"] and axes in ([-1], [len(x.get_partial_shape()) - 1]))
    return x
