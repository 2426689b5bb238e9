"""Markdown tables of medians and ranges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.peers.records import Results, spread


@dataclass(frozen=True, slots=True)
class Column:
    """A column: heading, name in the records, format and factor of the value."""

    head: str
    name: str
    form: str
    factor: float = 1.0

    def cell(self, results: Results, subject: str, measure: str) -> str:
        """Median and range over the rounds."""
        return spread(
            [self.factor * value for value in results.values(subject, measure, self.name).values()], self.form
        )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; empty without rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *lines]) if lines else ""


def measured(
    results: Results, rows: Iterable[tuple[str, str, str]], columns: Sequence[Column], first: str = "server"
) -> str:
    """A table of measurements.

    Args:
        results: of a run.
        rows: text of the first column, subject and measure; left out without a record.
        columns: the values.
        first: heading of the first column.
    """
    cells = [
        (title, *(column.cell(results, subject, measure) for column in columns))
        for title, subject, measure in rows
        if results.values(subject, measure, columns[0].name)
    ]
    return table([first, *(column.head for column in columns)], cells)
