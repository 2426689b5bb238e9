"""JSON lists for subsets of a few items, such as the labels in each label set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress

import numpy as np
from numpy.typing import NDArray

# Up to 8 items have at most 256 subsets, which are encoded in advance; lists of more items are not.
_TABLE = 8


class _Texts:
    """A text for each row of `bool[n, items]`.

    Args:
        items: number of them.
        text_of: the text of a row.
    """

    def __init__(self, items: int, text_of: Callable[[Sequence[bool]], str]) -> None:
        self._text_of = text_of
        self._table: list[str] = []
        if items <= _TABLE:
            self._table = [text_of(_bits(pattern, items)) for pattern in range(1 << items)]

    def __call__(self, chosen: NDArray[np.bool_]) -> list[str]:
        """A text for each row of `bool[n, items]`."""
        if not self._table:
            return [self._text_of(row) for row in chosen.tolist()]
        patterns = np.packbits(chosen, axis=1, bitorder="little")[:, 0]
        return [self._table[pattern] for pattern in patterns.tolist()]


class SubsetTexts(_Texts):
    """Encodes subsets of items, which are given as JSON texts, as lists of those items."""

    def __init__(self, things: Sequence[str]) -> None:
        super().__init__(len(things), lambda row: _list(compress(things, row)))


class FlagTexts(_Texts):
    """Encodes subsets of so many items as lists of booleans, one for each item."""

    def __init__(self, items: int) -> None:
        super().__init__(items, lambda row: _list("true" if each else "false" for each in row))


def _bits(pattern: int, count: int) -> list[bool]:
    return [bool(pattern >> bit & 1) for bit in range(count)]


def _list(things: Iterable[str]) -> str:
    return f"[{','.join(things)}]"
