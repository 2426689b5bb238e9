"""Detects the format of a text file from its content: separator, header and decimal mark."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.series.spec import MAX_LENGTH

# Rows that are sampled to detect the format.
SAMPLED_ROWS = 1000
# A shorter row of consecutive numbers may be a series.
_FEWEST_NUMBERED = 8
# None: any run of blanks and tabs.
Separator = bytes | None
_SEPARATORS: tuple[Separator, ...] = (b"\t", b";", b",", None)
_MARKERS = frozenset({b"", b"?", b"nan", b"+nan", b"-nan", b"na", b"n/a", b"#n/a", b"null", b"none"})
_POINT = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_COMMA = re.compile(rb"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
_INFINITY = re.compile(rb"[+-]?inf(inity)?", re.IGNORECASE)


def is_missing(field: bytes) -> bool:
    """Whether a field marks a missing value."""
    return field.strip().lower() in _MARKERS


def number_of(field: bytes) -> float | None:
    """The number in a field; NaN for a missing value, None for other text.

    Stricter than `float`, which accepts `1_000`.
    """
    field = field.strip()
    if field.lower() in _MARKERS:
        return float("nan")
    if _POINT.fullmatch(field) or _INFINITY.fullmatch(field):
        return float(field)
    return float(field.replace(b",", b".")) if has_decimal_comma(field) else None


def has_decimal_comma(field: bytes) -> bool:
    """Whether a field is a number with a decimal comma."""
    return _COMMA.fullmatch(field) is not None


@dataclass(frozen=True, slots=True)
class TextFormat:
    """The format of a text file's rows.

    Attributes:
        separator: between fields.
        labelled: whether a row's first field is its label.
        header: whether the first row names the columns.
        label_place: of the label in a row, from 0.
        value_places: of the values in a row; None for all fields but the label.
    """

    separator: Separator
    labelled: bool
    header: bool
    label_place: int = 0
    value_places: tuple[int, ...] | None = None

    def split(self, line: bytes) -> list[bytes]:
        """A row's fields, without empty ones at the end (trailing separators)."""
        return _split(line, self.separator)

    def values(self, fields: Sequence[bytes]) -> Sequence[bytes]:
        """A row's values, without its label."""
        if self.value_places is not None:
            return [fields[place] for place in self.value_places if place < len(fields)]
        if not self.labelled:
            return fields
        return [*fields[: self.label_place], *fields[self.label_place + 1 :]]

    def label(self, fields: Sequence[bytes]) -> bytes:
        """A row's label; empty if the row is too short."""
        return fields[self.label_place] if self.label_place < len(fields) else b""


def detect_format(lines: Sequence[bytes], *, labelled: bool) -> TextFormat:
    """The format in which most fields of the first two rows are numbers.

    Args:
        lines: of the file, at least one.
        labelled: whether a row's first field is its label.
    """
    sample = lines[:2]

    def numbers(separator: Separator) -> int:
        text_format = TextFormat(separator, labelled, header=False)
        return sum(
            number_of(field) is not None
            for line in sample
            for field in text_format.values(text_format.split(line))
        )

    # `max` takes the first of equals: a label before tabs may contain blanks.
    separator = max(_SEPARATORS, key=numbers)
    if not numbers(separator):
        separator = next((mark for mark in _SEPARATORS if mark and mark in sample[0]), None)
    first = TextFormat(separator, labelled, header=False)
    found = first.values(first.split(sample[0]))
    header = bool(found) and all(number_of(field) is None for field in found)
    return TextFormat(separator, labelled, header or _numbers_columns(first, lines))


def _numbers_columns(text_format: TextFormat, lines: Sequence[bytes]) -> bool:
    """Whether the first of several rows has column numbers, as pandas writes for columns without names.

    The label's column is numbered too, or has a name, which is not the label of any other row.
    """
    fields = [field.strip() for field in text_format.split(lines[0])]
    if len(lines) == 1 or len(fields) < _FEWEST_NUMBERED:
        return False
    if _counts(fields):
        return True
    is_number = number_of(fields[0]) is not None and not is_missing(fields[0])
    if not text_format.labelled or is_number or not _counts(fields[1:]):
        return False
    return fields[0] not in (
        field.strip() for line in lines[1:SAMPLED_ROWS] for field in text_format.split(line)[:1]
    )


def _counts(fields: Sequence[bytes]) -> bool:
    """Whether fields are consecutive whole numbers from 0 or 1."""
    return fields[0] in {b"0", b"1"} and all(
        field == b"%d" % number for number, field in enumerate(fields, start=int(fields[0]))
    )


def _split(line: bytes, separator: Separator) -> list[bytes]:
    # One more than allowed: the caller sees that there are too many.
    most = MAX_LENGTH + 1
    if b'"' in line:
        fields = _unquoted(line, separator)
    elif separator is None:
        return line.split(None, most)
    else:
        fields = line.split(separator, most)
    while fields and not fields[-1].strip():
        fields.pop()
    return fields


def _unquoted(line: bytes, separator: Separator) -> list[bytes]:
    """The fields of a row with double quotes."""
    mark = " " if separator is None else separator.decode()
    text = line.decode("utf-8")
    if separator is None:
        text = text.strip().replace("\t", " ")
    try:
        (fields,) = csv.reader([text], delimiter=mark, skipinitialspace=True)
    except (csv.Error, ValueError):  # a field of more than 131,072 characters; a line end in quotes
        return line.split(separator)
    return [field.encode() for field in fields if separator is not None or field]
