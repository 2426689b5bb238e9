"""Exact search for the nearest embeddings, in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nearest(
    embeddings: NDArray[np.float32], queries: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k nearest of n embeddings by Euclidean distance, for each of m queries.

    Differences are computed value by value. The product form, |a|^2 + |b|^2 - 2ab, is faster and loses the
    distances of near duplicates to rounding.

    Args:
        embeddings: `float32[n, dimension]`.
        queries: `float32[m, dimension]`.
        k: at least 1; all n if there are fewer.

    Returns:
        Indices `int64[m, k]` and distances `float32[m, k]`, nearest first; of equal distances, the lower
        index first.
    """
    k = min(k, len(embeddings))
    indices = np.empty((len(queries), k), np.int64)
    distances = np.empty((len(queries), k), np.float32)
    difference = np.empty_like(embeddings)
    for place, query in enumerate(queries):
        np.subtract(embeddings, query, out=difference)
        squares = np.einsum("nd,nd->n", difference, difference)
        limit = np.partition(squares, k - 1)[k - 1]
        candidates = np.flatnonzero(squares <= limit)  # all of equal distance, ascending
        chosen = candidates[np.argsort(squares[candidates], kind="stable")[:k]]
        indices[place], distances[place] = chosen, np.sqrt(squares[chosen])
    return indices, distances
