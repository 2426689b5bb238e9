"""JSON lists of subsets of a few items, such as the labels in each label set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress

import numpy as np
from numpy.typing import NDArray

# Up to 8 items have at most 256 subsets, which are encoded in advance; lists of more items are not.
_TABLE = 8


class SubsetTexts:
    """Encodes subsets of items, which are given as JSON texts."""

    def __init__(self, things: Sequence[str]) -> None:
        self._things = things
        self._table: list[str] = []
        if len(things) <= _TABLE:
            patterns = range(1 << len(things))
            self._table = [_list(compress(things, _bits(pattern, len(things)))) for pattern in patterns]

    def __call__(self, chosen: NDArray[np.bool_]) -> list[str]:
        """A JSON list for each row of `bool[n, things]`."""
        if not self._table:
            return [_list(compress(self._things, row)) for row in chosen.tolist()]
        patterns = np.packbits(chosen, axis=1, bitorder="little")[:, 0]
        return [self._table[pattern] for pattern in patterns.tolist()]


def _bits(pattern: int, count: int) -> list[int]:
    return [pattern >> bit & 1 for bit in range(count)]


def _list(things: Iterable[str]) -> str:
    return f"[{','.join(things)}]"
