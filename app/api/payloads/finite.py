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


def not_finite(values: NDArray[np.number]) -> tuple[list[tuple[tuple[int, ...], str]], int]:
    """The places of the first values that are not finite in float32, each with what it is; and how many."""
    with np.errstate(invalid="ignore"):
        places = np.argwhere(~(np.abs(values.astype(np.float64)) < FLOAT32_END))
    first = [tuple(place) for place in places[:MAX_VIOLATIONS].tolist()]
    found = [(place, BEYOND_FLOAT32 if np.isfinite(values[place]) else NOT_FINITE) for place in first]
    return found, len(places)


def _violation(values: NDArray[np.number]) -> ContractViolation:
    places, total = not_finite(values)
    return ContractViolation(
        [("/".join(("instances", *map(str, place))), problem) for place, problem in places], total=total
    )
