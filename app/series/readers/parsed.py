"""The result of every reader, and the error of a refused file. It knows no format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.series.spec import MAX_LENGTH

MAX_SERIES = 1_000_000
QUOTED = 80

Values = NDArray[np.floating[Any]]


class Refused(Exception):
    """A file cannot be read or used; `read_series_file` adds the path.

    Args:
        problem: what is wrong, with the row if there is one.
        remedy: an imperative clause.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


@dataclass(frozen=True, slots=True)
class ParsedSeries:
    """The series of a file as written: missing values are NaN, and lengths may differ.

    Attributes:
        series: one array `[length]` a series, or all of them as one array `[n, length]`.
        labels: of each series; None where the format has none.
        first_row: the number in the file, from 1, of the first series.
        numbers: of each series' row, where rows between them were left out; None if there are none such.
    """

    series: Sequence[Values] | Values
    labels: tuple[str, ...] | None
    first_row: int = 1
    numbers: Sequence[int] | None = None

    def number(self, index: int) -> int:
        """The number of a series' row in the file, from 1."""
        return self.first_row + index if self.numbers is None else self.numbers[index]

    def row(self, index: int) -> str:
        """How messages name a series: by its row in the file."""
        return f"row {self.number(index)}"


class BadRow(NamedTuple):
    """A row of a file that has no usable series.

    Attributes:
        number: of the row, from 1.
        reason: what is wrong, and what to do.
    """

    number: int
    reason: str

    @classmethod
    def of(cls, number: int, refused: Refused) -> BadRow:
        """The row that was refused."""
        return cls(number, f"{refused.problem.removeprefix(f'row {number}: ')}; {refused.remedy}")


def quoted(text: object) -> str:
    """Text of a file in quotes: printable, on one line, at most `QUOTED` characters."""
    found = text.decode("utf-8", errors="replace") if isinstance(text, bytes) else str(text)
    short = found if len(found) <= QUOTED else f"{found[: QUOTED - 1]}…"
    if not short.isprintable():
        # An escape takes up to ten characters.
        short = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)[:QUOTED]
    return f"'{short}'"


def too_many(count: int) -> Refused:
    """The error for a file with too many series."""
    return Refused(f"{count:,} series; at most {MAX_SERIES:,} are read", "split the file")


def too_long(row: str) -> Refused:
    """The error for a series with too many values."""
    return Refused(f"{row}: more than {MAX_LENGTH:,} values", "cut the series, or write one series a row")
