"""Which rows of a file are explained: `--rows 3,7-9`."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.client import InvalidOptions

_RANGE = re.compile(r"([1-9]\d{0,17})(?:-([1-9]\d{0,17}))?")


class RowRanges(NamedTuple):
    """Ranges of rows, from 1; each with its first and its last row. No range stands for all rows."""

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parsed(cls, text: str | None) -> RowRanges:
        """The ranges of an option, or all rows without it.

        Raises:
            InvalidOptions: it is no list of rows.
        """
        if text is None:
            return cls()
        found = []
        for item in text.split(","):
            match = _RANGE.fullmatch(item.strip())
            if match is None or int(match[2] or match[1]) < int(match[1]):
                raise InvalidOptions(f"--rows {text}: give rows from 1, such as 3 or 3,7-9")
            found.append((int(match[1]), int(match[2] or match[1])))
        return cls(tuple(found))

    def chosen(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these rows are in a range, `bool[n]`."""
        if not self.ranges:
            return np.ones(len(numbers), np.bool_)
        within = [(first <= numbers) & (numbers <= last) for first, last in self.ranges]
        found: NDArray[np.bool_] = np.logical_or.reduce(within)
        return found
