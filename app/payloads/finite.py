"""Refuses numbers that are not finite in float32, naming their places. It knows no media type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.errors import ContractViolation
from app.payloads.wording import BEYOND_FLOAT32, NOT_FINITE, SHOWN_VIOLATIONS


def to_finite_float32(values: NDArray[np.number]) -> NDArray[np.float32]:
    """Real numbers `[n, length]` of any dtype as a C-contiguous, aligned `float32[n, length]`.

    The same memory is returned where that is what `values` already is.

    Raises:
        ContractViolation: a value is not finite, or not finite any more in float32.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        series = np.asarray(values, np.float32, order="C")
    if not series.flags.aligned:
        series = series.copy()
    finite = np.isfinite(series)
    if not finite.all():
        raise _violation(values, ~finite)
    return series


def _violation(values: NDArray[np.number], wrong: NDArray[np.bool_]) -> ContractViolation:
    places = np.argwhere(wrong)
    return ContractViolation(
        [
            (f"instances/{i}/{j}", BEYOND_FLOAT32 if np.isfinite(values[i, j]) else NOT_FINITE)
            for i, j in places[:SHOWN_VIOLATIONS].tolist()
        ],
        total=len(places),
    )
