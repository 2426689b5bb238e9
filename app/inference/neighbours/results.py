"""What a search for neighbours takes and returns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class NeighbourOptions(NamedTuple):
    """Options of a search.

    Attributes:
        k: neighbours of each series; all training series if there are fewer.
        with_series: whether the training series themselves are returned; None: if the index has them.
    """

    k: int
    with_series: bool | None = None


class Neighbours(NamedTuple):
    """The k nearest training series of n series, nearest first.

    Attributes:
        rows: `int64[n, k]`, their rows in the training file, from 0.
        targets: `int64[n, k]`, their classes, indices into the contract's labels.
        distances: `float32[n, k]`, between the embeddings.
        series: `float64[n, k, *SeriesSpec.shape]`, as in the training file; None where they are left out.
    """

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    distances: NDArray[np.float32]
    series: NDArray[np.float64] | None
