"""Power spectra and their two means over time, with few logarithms.

Keras writes a spectrogram as two convolutions with the factors of a Fourier transform, with time as the last
axis, so that everything after it is transposed; and it takes the logarithm of each power. Here time is before
frequency, and logarithms are taken of products of several powers.
"""

from __future__ import annotations

import math
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
    users,
    with_constant,
)

# A product of powers must stay a normal float32, from 1.2e-38 to 3.4e38.
LEAST, MOST = 1e-37, 1e37


class Spectrogram(NamedTuple):
    """The power spectra of frames of a series.

    Attributes:
        series: an output `[n, 1, 1, length]`.
        factors: of the transform, `complex128[bins, window]`. Bins that also stand for the mirrored half
            of the spectrum are multiplied by the square root of 2.
        hop: samples between the starts of two frames.
        frames: number of frames.
    """

    series: Any
    factors: NDArray[np.complex128]
    hop: int
    frames: int


def rewrite(graph: Any) -> None:
    """Replace each spectrogram that Keras wrote, and its means over time.

    Args:
        graph: its spectrograms must be of z-normalised series.
    """
    for _, (found, means) in find_all(graph, "Reshape", _match):
        power = _power(found)
        for end, floor in means:
            mean = (
                op.reduce_mean(power, np.array([1]), False)
                if floor is None
                else _mean_log(power, floor, found)
            )
            end.replace(mean.output(0))


def group_sizes(frames: int, *, least: float, most: float) -> list[int]:
    """Split the frames into the fewest groups whose powers can be multiplied; the size of each group.

    Args:
        frames: number of frames.
        least: the smallest possible power.
        most: the largest possible power.
    """
    up = math.log(MOST) / math.log(most) if most > 1 else frames
    down = math.log(LEAST) / math.log(least) if least < 1 else frames
    groups = math.ceil(frames / max(1, min(math.floor(up), math.floor(down))))
    return [frames // groups + (group < frames % groups) for group in range(groups)]


def _power(found: Spectrogram) -> Any:
    """An output `[n, frames, bins]`."""
    _, window = found.factors.shape
    places = np.arange(found.frames)[:, np.newaxis] * found.hop + np.arange(window)
    flat = op.squeeze(found.series, np.array([1, 2]))
    windows = op.gather(flat, op.constant(places.astype(np.int32)), op.constant(np.int64(1)))
    squares = []
    for factors in (found.factors.real, found.factors.imag):
        part = op.matmul(windows, op.constant(factors.astype(np.float32)), False, True)
        squares.append(op.multiply(part, part))
    return op.add(*squares)


def _largest(found: Spectrogram) -> float:
    """An upper bound of any power.

    The squares of a z-normalised series sum to its length minus 1, and the product of two vectors is at most
    that of their norms (Cauchy and Schwarz).
    """
    length = found.series.get_partial_shape()[3].get_length()
    return float((np.abs(found.factors) ** 2).sum(axis=1).max() * (length - 1))


def _mean_log(power: Any, floor: float, found: Spectrogram) -> Any:
    """The mean over time of log(power + floor), with one logarithm of the product of each group."""
    sizes = group_sizes(found.frames, least=floor, most=_largest(found) + floor)
    raised = op.add(power, op.constant(np.float32(floor)))
    groups = op.variadic_split(raised, op.constant(np.int64(1)), op.constant(np.array(sizes))).outputs()
    products = [op.reduce_prod(group, np.array([1]), True) for group in groups]
    total = op.reduce_sum(op.log(op.concat(products, 1)), np.array([1]), False)
    return op.multiply(total, op.constant(np.float32(1 / found.frames)))


def _mean(node: Any, power: Any) -> tuple[Any, float | None]:
    """Match a mean over time of a spectrogram `[n, bins, frames]`; with the floor, if it is of logarithms."""
    if node.get_type_name() == "ReduceMean":
        _require_over_time(node)
        return node.output(0), None
    raised, floor = with_constant(node.output(0), "Add")
    require(same(raised, power) and floor.size == 1 and floor.min() > 0)
    logarithm = _only_user(node)
    producer(logarithm.output(0), "Log")
    mean = _only_user(logarithm)
    _require_over_time(mean)
    return mean.output(0), float(floor.reshape(()))


def _only_user(node: Any) -> Any:
    found = users(node.output(0))
    require(len(found) == 1)
    return found[0]


def _require_over_time(mean: Any) -> None:
    producer(mean.output(0), "ReduceMean")
    axes = constant(mean.input_value(1)).reshape(-1).tolist()
    require(axes in ([2], [-1]) and not mean.get_attributes()["keep_dims"])


def _match(output: Any) -> tuple[Spectrogram, list[tuple[Any, float | None]]]:
    """Match a spectrogram `[n, bins, frames]` that is only used by means over time; with those means."""
    return _spectrogram(output), [_mean(user, output) for user in users(output)]


def _spectrogram(output: Any) -> Spectrogram:
    """Match the power of both halves of the spectrum, `[n, 1, bins, frames]` without its second axis."""
    doubled = producer(output, "Reshape").input_value(0)
    # With several channels the reshape also concatenates their spectra; this is not matched.
    before, after = doubled.get_partial_shape(), output.get_partial_shape()
    require(len(before) == 4 and len(after) == 3 and before[1] == 1 and before[2] == after[1])
    power = _undoubled(doubled)
    real, imaginary = (_transformed(part) for part in operands(power, "Add"))
    series = real.input_value(0)
    require(same(series, imaginary.input_value(0)))
    require(real.get_attributes() == imaginary.get_attributes())
    weights = [constant(part.input_value(1)) for part in (real, imaginary)]
    require(weights[0].ndim == 4 and weights[1].shape == weights[0].shape)
    bins, channels, height, window = weights[0].shape
    require(channels == height == 1)
    factors = (weights[0] + 1j * weights[1]).reshape(bins, window)
    factors[1:-1] *= math.sqrt(2)
    frames = output.get_partial_shape()[2]
    require(frames.is_static and series.get_partial_shape()[3].is_static)
    return Spectrogram(series, factors, int(list(real.get_attributes()["strides"])[-1]), frames.get_length())


def _undoubled(doubled: Any) -> Any:
    """Match the doubling of all bins except the first and last; the spectrum before it."""
    for power, rest in (pair := operands(doubled, "Add")), pair[::-1]:
        if rest.get_node().get_type_name() != "Pad":
            continue
        pad = rest.get_node()
        inner = producer(pad.input_value(0), "StridedSlice")
        shape, within = power.get_partial_shape(), inner.output(0).get_partial_shape()
        before, after = (constant(pad.input_value(place)).tolist() for place in (1, 2))
        require(same(inner.input_value(0), power) and before == after == [0, 0, 1, 0])
        require(constant(inner.input_value(1)).tolist()[2] == 1)
        require(within[2].get_length() == shape[2].get_length() - 2)
        return power
    raise PatternMismatch


def _transformed(square: Any) -> Any:
    """The convolution whose output `[n, bins, 1, frames]` is squared as `[n, 1, bins, frames]`."""
    one, other = operands(square, "Multiply")
    require(same(one, other))
    convolution = producer(producer(one, "Reshape").input_value(0), "Convolution")
    attributes = convolution.get_attributes()
    require(
        not any((*attributes["pads_begin"], *attributes["pads_end"])) and set(attributes["dilations"]) == {1}
    )
    return convolution
