"""JSON lists of some of a few things, such as the labels in each series' set. It knows only texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress

import numpy as np
from numpy.typing import NDArray

# So many things have 256 subsets, all written beforehand; of more, a list is written when it is asked for.
_TABLE = 8


class SubsetTexts:
    """Writes subsets of these things, each given as the JSON text of itself."""

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
