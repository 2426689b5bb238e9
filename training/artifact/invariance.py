"""Whether a model's answers depend on the offset and the scale of a series: measured, not assumed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# A power of two: multiplying by it rounds nothing.
SCALE = 64.0


def is_invariant(
    answer: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    series: NDArray[np.float32],
    *,
    tolerance: float,
) -> bool:
    """Whether shifted and scaled series get the answers of the series themselves.

    Args:
        answer: gives `float32[n, columns]` for series `float32[n, length]`.
        series: to try it with, `float32[n, length]`.
        tolerance: largest absolute difference of an answer that counts as none.
    """
    peaks = np.abs(series).max(axis=1, keepdims=True)
    # As far as the series itself reaches, and no farther: float32 loses a bit or two, not the series.
    offsets = np.exp2(np.ceil(np.log2(np.where(peaks > 0, peaks, 1.0)))).astype(np.float32)
    plain = answer(series)
    changed = (series + offsets, series - offsets, series * np.float32(SCALE), series / np.float32(SCALE))
    return all(bool(np.abs(answer(other) - plain).max() <= tolerance) for other in changed)
