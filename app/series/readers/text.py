"""Text: one series a row, its label first (UCR's `.tsv` and `.txt`, CSV and similar).

Reads tabs, semicolons, commas and blanks as separators, decimal commas where the comma is no separator,
any line ends, trailing separators, empty rows at the end, quoted fields and one row of column names, also of
names that are numbers.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.series.readers.columns import Columns
from app.series.readers.formats import decoded
from app.series.readers.labels import canonical_label, read_label
from app.series.readers.parsed import MAX_SERIES, BadRow, ParsedSeries, Refused, quoted, too_long, too_many
from app.series.readers.text_format import (
    SAMPLED_ROWS,
    TextFormat,
    detect_format,
    has_decimal_comma,
    is_missing,
    number_of,
)
from app.series.readers.thousands_separators import check_thousands_separators
from app.series.spec import MAX_LENGTH

_FORM = "write a label and the values of one series a row"


def read_text(
    content: bytes,
    *,
    labelled: bool = True,
    limit: int | None = None,
    columns: str | None = None,
    label_column: str | None = None,
    bad: list[BadRow] | None = None,
) -> ParsedSeries:
    """The series of a text file.

    Args:
        content: of the file.
        labelled: whether a row's first field is its label, unless columns are chosen.
        limit: most series to read; later rows are not checked.
        columns: those with the values, as `Columns` takes them; None for all but the label.
        label_column: the one with the label.
        bad: gets invalid rows, which are left out; None to refuse the file for one.

    Raises:
        Refused: a row is invalid.
    """
    decoded(content)
    lines = _lines(content)
    if columns is None and label_column is None:
        text_format = detect_format(lines, labelled=labelled)
    else:
        text_format = _with_columns(detect_format(lines, labelled=False), lines[0], columns, label_column)
    start = int(text_format.header)
    if len(lines) == start:
        raise Refused("row 1: no value is a number, and there are no more rows", _FORM)
    check_thousands_separators(text_format, lines)
    reader = _RowReader(text_format, lines)
    wanted = lines[start:] if limit is None else lines[start : start + limit]
    found, numbers = [], []
    for number, line in enumerate(wanted, start=start + 1):
        try:
            found.append(reader.read(number, line))
        except Refused as refused:
            if bad is None:
                raise
            bad.append(BadRow.of(number, refused))
        else:
            numbers.append(number)
    return ParsedSeries(
        series=[values for _, values in found],
        labels=tuple(reader.label(label) for label, _ in found) if text_format.labelled else None,
        first_row=start + 1,
        numbers=numbers if bad else None,
    )


def _with_columns(
    text_format: TextFormat, first: bytes, columns: str | None, label_column: str | None
) -> TextFormat:
    """The format with chosen columns.

    Args:
        text_format: as detected, without labels.
        first: the first row, which may have the names of the columns.
        columns: see `read_text`.
        label_column: see `read_text`.

    Raises:
        Refused: there is no such column.
    """
    fields = text_format.split(first)
    names = fields if text_format.header else None
    label = None if label_column is None else Columns(label_column).places(names, len(fields))[0]
    values = None if columns is None else tuple(Columns(columns).places(names, len(fields)))
    return replace(text_format, labelled=label is not None, label_place=label or 0, value_places=values)


def _lines(content: bytes) -> list[bytes]:
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    # Spreadsheets leave rows of separators at the end.
    content = content.removeprefix(codecs.BOM_UTF8).rstrip(b" \t\n,;")
    if not content:
        raise Refused("row 1: no values", _FORM)
    if (count := content.count(b"\n") + 1) > MAX_SERIES + 1:
        raise too_many(count)
    return content.split(b"\n")


class _RowReader:
    """Reads rows of one file and keeps track of its decimal mark."""

    def __init__(self, text_format: TextFormat, lines: Sequence[bytes]) -> None:
        self._format = text_format
        self._lines = lines
        self._commas = self._points = False

    def read(self, number: int, line: bytes) -> tuple[str, NDArray[np.float64]]:
        """The label (empty where rows have none) and the values `float64[length]` of a row."""
        row = f"row {number}"
        fields = self._format.split(line)
        if not fields:
            raise Refused(f"{row}: the row is empty", "remove it")
        values = self._format.values(fields)
        label = ""
        if self._format.labelled:
            label = read_label(self._format.label(fields).decode("utf-8"), row)
            if not values:
                raise Refused(f"{row}: no values after the label {quoted(fields[0])}", _FORM)
        if len(values) > MAX_LENGTH:
            raise too_long(row)
        return label, self._numbers(row, line, values)

    def label(self, read: str) -> str:
        """The canonical label: with decimal commas, if the file has them; call after all rows were read."""
        is_comma = self._commas and has_decimal_comma(read.encode())
        return canonical_label(read.replace(",", ".")) if is_comma else read

    def _numbers(self, row: str, line: bytes, values: Sequence[bytes]) -> NDArray[np.float64]:
        # `float` takes 1_000 for a number.
        if not self._commas and not (b"_" in line and any(b"_" in field for field in values)):
            try:
                numbers = np.array(list(map(float, values)), dtype=np.float64)
            except ValueError:
                pass  # a missing value, a decimal comma or text: distinguished below
            else:
                self._points = self._points or any(b"." in field for field in values)
                return numbers
        return np.array([self._number(row, i, field) for i, field in enumerate(values, start=1)])

    def _number(self, row: str, position: int, field: bytes) -> float:
        number = number_of(field)
        if number is None:
            raise self._not_a_number(row, position, field)
        self._commas = self._commas or b"," in field
        self._points = self._points or b"." in field
        if self._commas and self._points:
            raise Refused(
                f"{row}: value {position} is {quoted(field.strip())}: decimal commas and points are mixed",
                "write all numbers with decimal points",
            )
        return number

    def _not_a_number(self, row: str, position: int, field: bytes) -> Refused:
        remedy = "write a number there"
        if self._is_text_column(position):
            column = position + int(self._format.labelled)
            return Refused(
                f"{row}: column {column} has text instead of numbers, such as {quoted(field.strip())}",
                f"remove column {column}, or make it the first if it has the labels",
            )
        return Refused(f"{row}: value {position} is {quoted(field.strip())}, not a number", remedy)

    def _is_text_column(self, position: int) -> bool:
        """Whether no sampled row has a number at this position, while other positions have some."""
        start = int(self._format.header)
        sampled = self._lines[start : start + SAMPLED_ROWS]
        fields = [self._format.values(self._format.split(line)) for line in sampled]
        cells = [row[position - 1] for row in fields if len(row) >= position]
        has_numbers = any(map(_is_number, fields[0]))
        return has_numbers and len(cells) > 1 and not any(map(_is_number, cells))


def _is_number(field: bytes) -> bool:
    return number_of(field) is not None and not is_missing(field)
