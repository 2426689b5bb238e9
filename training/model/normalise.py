"""Z-normalisation inside the graph, so that clients can send raw series of any offset and scale.

It uses `keras.ops` alone: the graph has only built-in operations, loads with `safe_mode=True`,
and converts to other runtimes.
"""

from __future__ import annotations

from typing import Any

from keras import ops

# The smallest normal float32: below it a series counts as constant.
TINY = 1.1754944e-38


def z_normalise(series: Any) -> Any:
    """Mean 0 and standard deviation 1 (ddof = 1, as the UCR archive's files) of each series.

    The first value is subtracted before anything is summed: values close to each other subtract exactly in
    floating point (Sterbenz' lemma), so a large offset costs no precision. Halving first, and dividing by
    the largest value before squaring, prevent overflow over float32's whole range. A constant series
    becomes zeros.

    Args:
        series: tensor `float32[n, length, 1]`.

    Returns:
        A tensor of the same shape.
    """
    length = series.shape[1]
    moved = series * 0.5 - series[:, :1] * 0.5
    moved = moved / ops.maximum(ops.max(ops.abs(moved), axis=1, keepdims=True), TINY)
    centred = moved - ops.mean(moved, axis=1, keepdims=True)
    variance = ops.sum(ops.square(centred), axis=1, keepdims=True) / (length - 1)
    # A series that is not constant now has a variance of at least 1 / (4 * length).
    return centred / ops.sqrt(ops.maximum(variance, 1e-12))
