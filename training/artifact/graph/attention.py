"""Self-attention of few tokens with small heads, with fewer transpositions.

Keras transposes the heads four times a block, and a softmax over a dozen numbers uses vector units badly.
Here each head has its own weights, so that products come out head by head. The softmax is split: exp(scores)
is multiplied with the values and a column of ones, which gives the weighted values and the sums to divide by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import openvino.opset13 as op
from numpy.typing import NDArray

from training.artifact.graph import layer_norms
from training.artifact.graph.reading import (
    PatternMismatch,
    find_all,
    producer,
    product,
    require,
    same,
    users,
    with_constant,
)

# float32 numbers in an AVX-512 register: a head whose width is a multiple of it wastes none.
SIMD_WIDTH = 16
# If all scores are known to be smaller, the softmax need not subtract the largest one first: exp(60) is
# 1e26, and sums and products of it stay far below float32's 3e38.
BOUNDED = 60.0
# Einsum equations with letters in order of appearance; converters use different letters.
_SCORES, _MIXTURE = "abcd,aecd->acbe", "abcd,adbe->acbe"


class Heads(NamedTuple):
    """The dense layer of each head.

    Attributes:
        kernel: `float64[heads, inputs, columns]`.
        bias: `float64[heads, 1, columns]`.
    """

    kernel: NDArray[np.float64]
    bias: NDArray[np.float64]

    def padded(self, columns: int) -> Heads:
        """The same, padded with columns of zeros."""
        more = ((0, 0), (0, 0), (0, columns - self.kernel.shape[2]))
        return Heads(np.pad(self.kernel, more), np.pad(self.bias, more))


@dataclass(frozen=True, slots=True)
class Attention:
    """The weights of an attention block.

    Attributes:
        tokens: an output `[n, tokens, inputs]`.
        query: of each head, with the scale of the scores.
        key: of each head.
        value: of each head.
        mixing: output projection, `float64[heads, columns, outputs]`, without its bias.
    """

    tokens: Any
    query: Heads
    key: Heads
    value: Heads
    mixing: NDArray[np.float64]


def rewrite(graph: Any) -> None:
    """Replace each self-attention block that Keras wrote."""
    for output, found in find_all(graph, "MatMul", _match):
        output.replace(_replacement(found).output(0))


def largest_score(found: Attention) -> float:
    """A bound for the absolute score of any two tokens; infinity if none is known.

    A layer norm's output before its scale is of length `sqrt(inputs)` at most; a query is no longer than
    that times its kernel's spectral norm, plus its bias; nor is a key; and their product no larger than the
    product of their lengths (Cauchy and Schwarz).
    """
    try:
        norm = layer_norms.read(found.tokens)
    except PatternMismatch:
        return math.inf
    scale, shift = norm.scale.reshape(-1), norm.shift.reshape(-1)

    def length(heads: Heads) -> NDArray[np.float64]:
        kernel = np.linalg.norm(scale[:, np.newaxis] * heads.kernel, ord=2, axis=(1, 2))
        bias = np.linalg.norm(shift @ heads.kernel + heads.bias[:, 0], axis=1)
        return np.asarray(math.sqrt(len(scale)) * kernel + bias)

    return float((length(found.query) * length(found.key)).max())


def _replacement(found: Attention) -> Any:
    heads, inputs, columns = found.value.kernel.shape
    width = math.ceil((columns + 1) / SIMD_WIDTH) * SIMD_WIDTH
    tokens = found.tokens.get_partial_shape()[1].get_length()
    value = found.value.padded(width)
    value.bias[:, :, columns] = 1.0
    parts = [found.query.padded(width), found.key.padded(width), value]
    kernel, bias = _stacked([part.kernel for part in parts]), _stacked([part.bias for part in parts])
    dense = op.add(op.matmul(_shaped(found.tokens, 1, 1, -1, inputs), kernel, False, False), bias)
    query, key, values = op.split(
        _shaped(dense, len(parts) * heads, -1, tokens, width), op.constant(np.int64(0)), len(parts)
    ).outputs()
    scores = op.matmul(query, key, False, True)
    if largest_score(found) > BOUNDED:
        scores = op.subtract(scores, op.reduce_max(scores, np.array([3]), True))
    sums = op.matmul(op.exp(scores), values, False, False)
    ones = op.slice(sums, np.array([columns]), np.array([columns + 1]), np.array([1]), np.array([3]))
    mixing = np.pad(found.mixing, ((0, 0), (0, width - columns), (0, 0))).reshape(heads * width, -1)
    beside = op.transpose(op.divide(sums, ones), op.constant(np.array([1, 2, 0, 3])))
    return op.matmul(
        _shaped(beside, -1, tokens, heads * width), op.constant(mixing.astype(np.float32)), False, False
    )


def _match(output: Any) -> Attention:
    turned, mixing = product(output)
    mixture = producer(producer(turned, "Reshape").input_value(0), "Einsum")
    softmax = producer(mixture.input_value(0), "Softmax")
    scaled, scale = with_constant(softmax.input_value(0), "Multiply")
    scores = producer(scaled, "Einsum")
    require(
        _normalised_equation(mixture) == _MIXTURE
        and _normalised_equation(scores) == _SCORES
        and scale.size == 1
    )
    require(softmax.get_attributes()["axis"] in (-1, 3))
    query, key, value = (
        _heads(part) for part in (scores.input_value(0), scores.input_value(1), mixture.input_value(1))
    )
    tokens = query[0]
    require(same(tokens, key[0]) and same(tokens, value[0]) and tokens.get_partial_shape()[1].is_static)
    heads, _, columns = value[1].kernel.shape
    require(len(mixing) == heads * columns and len(users(mixture.output(0))) == 1)
    factor = float(scale.reshape(()))
    return Attention(
        tokens,
        Heads(query[1].kernel * factor, query[1].bias * factor),
        key[1],
        value[1],
        mixing.reshape(heads, columns, -1),
    )


def _heads(output: Any) -> tuple[Any, Heads]:
    """The input of a dense layer with several heads, and its weights."""
    columns, bias = with_constant(output, "Add")
    tokens, kernel = product(producer(columns, "Reshape").input_value(0))
    heads, width = bias.shape[-2:]
    require(bias.size == heads * width == kernel.shape[1])
    by_head = kernel.reshape(-1, heads, width).transpose(1, 0, 2)
    return tokens, Heads(by_head, bias.reshape(heads, 1, width))


def _normalised_equation(einsum: Any) -> str:
    """The equation of an einsum with letters renamed in order of appearance."""
    names: dict[str, str] = {}
    text = einsum.get_attributes()["equation"]
    return "".join(
        names.setdefault(sign, chr(ord("a") + len(names))) if sign.isalpha() else sign for sign in text
    )


def _shaped(output: Any, *shape: int) -> Any:
    return op.reshape(output, op.constant(np.array(shape, np.int64)), False)


def _stacked(parts: list[NDArray[np.float64]]) -> Any:
    """A constant `[heads, 1, rows, columns]` of parts `[heads, rows, columns]`.

    With three axes OpenVINO 2026.4 treats a product as a dense layer, which is slower, and wrong if the
    number of series is unknown when the graph is compiled.
    """
    return op.constant(np.concatenate(parts)[:, np.newaxis].astype(np.float32))
