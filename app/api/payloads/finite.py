"""Refuses numbers that are not finite in float32, with their places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.api.payloads.wording import BEYOND_FLOAT32, MAX_VIOLATIONS, NOT_FINITE
from app.errors import ContractViolation
from app.series.offset import FLOAT32_END, Narrowed, NotFloat32, narrow


def to_finite_float32(values: NDArray[np.number], *, is_invariant: bool = True) -> Narrowed:
    """Series `[n, *SeriesSpec.shape]` of any real dtype as a model takes them: `app.series.offset.narrow`.

    Raises:
        ContractViolation: a value is not finite, or would not be in float32.
    """
    try:
        return narrow(values, is_invariant=is_invariant)
    except NotFloat32:
        raise _violation(values) from None


def _violation(values: NDArray[np.number]) -> ContractViolation:
    with np.errstate(invalid="ignore"):
        places = np.argwhere(~(np.abs(values.astype(np.float64)) < FLOAT32_END))
    return ContractViolation(
        [
            (
                "/".join(("instances", *map(str, place))),
                BEYOND_FLOAT32 if np.isfinite(values[*place]) else NOT_FINITE,
            )
            for place in places[:MAX_VIOLATIONS].tolist()
        ],
        total=len(places),
    )
