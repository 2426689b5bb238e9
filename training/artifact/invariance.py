"""Measure whether a model's outputs depend on the offset and the scale of a series."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from app.series.spec import model_input

# A power of two, so that the multiplication is exact.
SCALE = np.float32(64.0)


def is_invariant(
    predict: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    series: NDArray[np.float32],
    *,
    tolerance: float,
) -> bool:
    """Whether shifting or scaling one channel leaves the outputs unchanged.

    Each channel is changed alone. A model that depends on the difference or the ratio of channels is not
    invariant: the server removes the offset of each channel separately.

    Args:
        predict: computes outputs `float32[n, columns]` of series `float32[n, *SeriesSpec.shape]`.
        series: test series, `float32[n, *SeriesSpec.shape]`.
        tolerance: largest absolute difference of an output that counts as unchanged.
    """
    plain = predict(series)
    return all(bool(np.abs(predict(other) - plain).max() <= tolerance) for other in _changed(series))


def _changed(series: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    values = model_input(series)
    for channel in range(values.shape[2]):
        one = values[..., channel]
        peaks = np.abs(one).max(axis=1, keepdims=True)
        # No larger than the channel's own range: float32 then loses only a bit or two.
        offsets = np.exp2(np.ceil(np.log2(np.where(peaks > 0, peaks, 1.0)))).astype(np.float32)
        for changed in (one + offsets, one - offsets, one * SCALE, one / SCALE):
            other = values.copy()
            other[..., channel] = changed
            yield other.reshape(series.shape)
