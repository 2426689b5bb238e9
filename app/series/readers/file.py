"""Reads a file of series: detects its format, parses, checks and completes its series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.errors import UnreadableSeries
from app.series.readers.arff import read_arff
from app.series.readers.checks import check_range
from app.series.readers.content import read_content
from app.series.readers.formats import Format, decoded, format_of
from app.series.readers.gaps import GapRules, completed
from app.series.readers.json_file import read_json
from app.series.readers.ndjson import read_ndjson
from app.series.readers.numpy_files import read_npy, read_npz
from app.series.readers.parsed import ParsedSeries, Refused, Values
from app.series.readers.text import read_text


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """The series of a file.

    Attributes:
        path: of the file.
        sha256: of the file as it is stored.
        values: `[n, length]`, finite and within float32's range; float64, but for arrays that were saved as
            float16 or float32.
        labels: one a series; None where the file has none.
        first_row: the number in the file, from 1, of the first series.
    """

    path: Path
    sha256: str
    values: Values
    labels: tuple[str, ...] | None
    first_row: int

    def place(self, index: int) -> str:
        """How messages name a series: file and row."""
        return f"{shown_path(self.path)}: row {self.first_row + index}"


def read_series_file(
    path: Path, *, rules: GapRules | None = None, labelled: bool = True, limit: int | None = None
) -> SeriesFile:
    """Read a file of series in any format with a reader.

    Args:
        path: of the file, which may be gzipped.
        rules: for missing values and unequal lengths; by default, both are refused.
        labelled: whether the first field of a row of text is its label.
        limit: most series to read.

    Raises:
        UnreadableSeries: one line that names the file, the row where there is one, and the remedy.
    """
    try:
        content, digest = read_content(path)
        rows = _reader(format_of(content, path), labelled=labelled)(content, limit)
        check_range(rows)
        values = completed(rows, rules or GapRules())
    except Refused as refused:
        raise UnreadableSeries(f"{shown_path(path)}: {refused.problem}", remedy=refused.remedy) from refused
    return SeriesFile(path, digest, values, rows.labels, rows.first_row)


def shown_path(path: Path) -> str:
    """A path on one line."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def _reader(found: Format, *, labelled: bool) -> Callable[[bytes, int | None], ParsedSeries]:
    readers: dict[Format, Callable[[bytes, int | None], ParsedSeries]] = {
        Format.TEXT: lambda content, limit: read_text(content, labelled=labelled, limit=limit),
        Format.JSON: lambda content, limit: read_json(content, limit=limit),
        Format.NDJSON: lambda content, limit: read_ndjson(content, limit=limit),
        Format.ARFF: lambda content, limit: read_arff(decoded(content), limit=limit),
        Format.NPY: lambda content, limit: read_npy(content, limit=limit),
        Format.ZIP: lambda content, limit: read_npz(content, limit=limit),
    }
    return readers[found]
