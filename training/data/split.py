"""Series to fit and series held out, from the seed alone. Plain numpy; no runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def split(
    targets: NDArray[np.int64], *, fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the series to fit and of those held out, each class in the same share.

    A class with a single series is fitted and not held out.
    """
    random = np.random.default_rng([seed, 0])
    held_out: list[int] = []
    for target in np.unique(targets):
        members = random.permutation(np.flatnonzero(targets == target))
        held_out.extend(members[: min(round(len(members) * fraction), len(members) - 1)])
    chosen = np.zeros(len(targets), dtype=bool)
    chosen[held_out] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
