"""Stratified split into series to fit and held-out series. Plain numpy; no runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def split(
    targets: NDArray[np.int64], *, fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the series to fit and of the held-out series; the same fraction of each class.

    It depends on the seed alone. A class with a single series is never held out.
    """
    random = np.random.default_rng([seed, 0])
    held_out: list[int] = []
    for target in np.unique(targets):
        members = random.permutation(np.flatnonzero(targets == target))
        held_out.extend(members[: min(round(len(members) * fraction), len(members) - 1)])
    chosen = np.zeros(len(targets), dtype=bool)
    chosen[held_out] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
