"""Whether a model's answers depend on the offset and the scale of a series: measured, not assumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from app.series.spec import model_input

# A power of two: multiplying by it rounds nothing.
SCALE = np.float32(64.0)


def is_invariant(
    answer: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    series: NDArray[np.float32],
    *,
    tolerance: float,
) -> bool:
    """Whether series with one channel shifted or scaled get the answers of the series themselves.

    Of several channels each is changed alone. A model that minds only how channels differ, or how large one
    is against another, is not invariant: the server takes each channel's offset off by itself.

    Args:
        answer: gives `float32[n, columns]` for series `float32[n, *SeriesSpec.shape]`.
        series: to try it with, `float32[n, *SeriesSpec.shape]`.
        tolerance: largest absolute difference of an answer that counts as none.
    """
    plain = answer(series)
    return all(bool(np.abs(answer(other) - plain).max() <= tolerance) for other in _changed(series))


def _changed(series: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    values = model_input(series)
    for channel in range(values.shape[2]):
        one = values[..., channel]
        peaks = np.abs(one).max(axis=1, keepdims=True)
        # As far as the channel itself reaches, and no farther: float32 loses a bit or two, not the series.
        offsets = np.exp2(np.ceil(np.log2(np.where(peaks > 0, peaks, 1.0)))).astype(np.float32)
        for changed in (one + offsets, one - offsets, one * SCALE, one / SCALE):
            other = values.copy()
            other[..., channel] = changed
            yield other.reshape(series.shape)
