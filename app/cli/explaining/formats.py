"""Formats of explanations: a line of JSON a series, a row of CSV a region, or a line of text a series."""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from app.client import Explanations, InvalidOptions
from app.client.explanations.results import PARTS, Part

NAMES = ("table", "ndjson", "csv")
_BY_SUFFIX = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson"}
_COLUMNS = (
    *("file", "row", "label", "probability", "unlike", "part"),
    *("start", "end", "low", "high", "change", "importance"),
)
# Widths of the table's columns.
_TABLE = {"label": 10, "probability": 11, "unlike": 6, "window": 22, "band": 22, "cell": 34}


class Explained(NamedTuple):
    """Explanations and where their series come from.

    Attributes:
        explanations: of n series.
        files: n names.
        rows: n numbers, from 1.
    """

    explanations: Explanations
    files: Sequence[str]
    rows: Sequence[int]


class Format(ABC):
    """Encodes explanations as text."""

    def header(self) -> str:
        """What the text begins with."""
        return ""

    @abstractmethod
    def encode(self, explained: Explained) -> str:
        """The text of some series."""


class NdjsonFormat(Format):
    """A JSON object a line: file, row, and the explanation as the server's JSON has it."""

    def encode(self, explained: Explained) -> str:
        """Lines."""
        return "".join(
            f'{{"file":{json.dumps(file, ensure_ascii=False)},"row":{row},{each.model_dump_json()[1:]}\n'
            for each, file, row in zip(*explained, strict=True)
        )


class CsvFormat(Format):
    """A row of names, then a row a region: `start` and `end` of its window, `low` and `high` of its band."""

    def header(self) -> str:
        """The names."""
        return _csv([_COLUMNS])

    def encode(self, explained: Explained) -> str:
        """Rows."""
        return _csv(row for i in range(len(explained.rows)) for row in _region_rows(explained, i))


class TableFormat(Format):
    """A line a series, with the most important window, band and cell.

    Args:
        rate: time steps in a second, for seconds and hertz; None for time steps and cycles per step.
    """

    def __init__(self, rate: float | None) -> None:
        self._rate = rate

    def header(self) -> str:
        """The names of the columns."""
        return self._line([*_TABLE, "file", "row"])

    def encode(self, explained: Explained) -> str:
        """Lines."""
        return "".join(self._series(explained, i) for i in range(len(explained.rows)))

    def _series(self, explained: Explained, i: int) -> str:
        found = explained.explanations
        unlike = float(found.unlike[i])
        tops = [self._top(getattr(found, name), i) for name in PARTS]
        return self._line(
            [
                str(found.labels[i]),
                f"{found.probabilities[i]:.4f}",
                "-" if np.isnan(unlike) else f"{100 * unlike:.0f} %",
                *tops,
                explained.files[i],
                str(explained.rows[i]),
            ]
        )

    def _top(self, part: Part | None, i: int) -> str:
        """The most important region of a part, and its importance."""
        if part is None:
            return "-"
        values = part.importances[i]
        places = list(np.unravel_index(int(values.argmax()), values.shape))
        windows = None if part.windows is None else part.windows[places[0]]
        bands = None if part.bands is None else part.bands[places[-1]]
        return f"{self._region(windows, bands)} ({values.max():+.2f})"

    def _region(self, window: Any, band: Any) -> str:
        rate = self._rate
        texts = []
        if window is not None:
            start, end = window if rate is None else window / rate
            texts.append(f"{start:.0f}-{end:.0f}" if rate is None else f"{start:.3g}-{end:.3g} s")
        if band is not None:
            low, high = band if rate is None else band * rate
            texts.append(f"{low:.3f}-{high:.3f}" if rate is None else f"{low:.3g}-{high:.3g} Hz")
        return ", ".join(texts)

    def _line(self, cells: Sequence[str]) -> str:
        widths = [*_TABLE.values(), 0, 0]
        texts = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return "  ".join(texts).rstrip() + "\n"


def format_of(name: str | None, output: Path | None, *, is_terminal: bool, rate: float | None) -> Format:
    """The format that was asked for, or that fits to the output.

    Raises:
        InvalidOptions: it cannot be told.
    """
    if name is None and output is not None:
        name = _BY_SUFFIX.get(output.suffix.lower())
        if name is None:
            raise InvalidOptions(f"{output}: name it .csv or .ndjson, or give --format")
    name = name or ("table" if is_terminal else "ndjson")
    if name == "table":
        return TableFormat(rate)
    return CsvFormat() if name == "csv" else NdjsonFormat()


def _region_rows(explained: Explained, i: int) -> Iterator[list[Any]]:
    """A row of cells for each region of a series."""
    found = explained.explanations
    unlike = "" if np.isnan(found.unlike[i]) else found.unlike[i]
    head = [explained.files[i], explained.rows[i], found.labels[i], found.probabilities[i], unlike]
    for name in PARTS:
        part: Part | None = getattr(found, name)
        if part is None:
            continue
        for places, change in np.ndenumerate(part.changes[i]):
            window = ["", ""] if part.windows is None else part.windows[places[0]].tolist()
            band = ["", ""] if part.bands is None else part.bands[places[-1]].tolist()
            yield [*head, name, *window, *band, change, part.importances[i][places]]


def _csv(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
