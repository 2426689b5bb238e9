"""How a text file writes its rows: the separator, the header and the numbers, found from the text itself."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.series.spec import MAX_LENGTH

# Of rows, so many are looked at to tell what is in a file.
LOOKED_AT = 1000
# A shorter row may be a series that happens to count.
_FEWEST_NUMBERED = 8
# None stands for any run of blanks and tabs.
Separator = bytes | None
_SEPARATORS: tuple[Separator, ...] = (b"\t", b";", b",", None)
_MARKERS = frozenset({b"", b"?", b"nan", b"+nan", b"-nan", b"na", b"n/a", b"#n/a", b"null", b"none"})
_POINT = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_COMMA = re.compile(rb"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
_INFINITY = re.compile(rb"[+-]?inf(inity)?", re.IGNORECASE)


def is_missing(field: bytes) -> bool:
    """Whether a field says that there is no value."""
    return field.strip().lower() in _MARKERS


def number_of(field: bytes) -> float | None:
    """A field's number, NaN where it says that there is none, None where it is something else.

    Stricter than `float`, which takes `1_000` for a number.
    """
    field = field.strip()
    if field.lower() in _MARKERS:
        return float("nan")
    if _POINT.fullmatch(field) or _INFINITY.fullmatch(field):
        return float(field)
    return float(field.replace(b",", b".")) if has_decimal_comma(field) else None


def has_decimal_comma(field: bytes) -> bool:
    """Whether a field is a number with a comma where others have a point."""
    return _COMMA.fullmatch(field) is not None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How rows are divided.

    Attributes:
        separator: between fields.
        labelled: whether a row's first field is its label.
        header: whether the first row names the columns.
    """

    separator: Separator
    labelled: bool
    header: bool

    def split(self, line: bytes) -> list[bytes]:
        """A row's fields; empty ones at its end are trailing separators and left out."""
        return _split(line, self.separator)

    def values(self, fields: Sequence[bytes]) -> Sequence[bytes]:
        """The fields that are values."""
        return fields[1:] if self.labelled else fields


def find_dialect(lines: Sequence[bytes], *, labelled: bool) -> Dialect:
    """The dialect in which most fields of the first two rows are numbers.

    Args:
        lines: of the file, at least one.
        labelled: whether a row's first field is its label.
    """
    sample = lines[:2]

    def numbers(separator: Separator) -> int:
        dialect = Dialect(separator, labelled, header=False)
        return sum(
            number_of(field) is not None for line in sample for field in dialect.values(dialect.split(line))
        )

    # Of equals the first is taken: a label in front of tabs may have blanks in it.
    separator = max(_SEPARATORS, key=numbers)
    if not numbers(separator):
        separator = next((mark for mark in _SEPARATORS if mark and mark in sample[0]), None)
    first = Dialect(separator, labelled, header=False)
    found = first.values(first.split(sample[0]))
    header = bool(found) and all(number_of(field) is None for field in found)
    return Dialect(separator, labelled, header or _numbers_columns(first, lines))


def _numbers_columns(dialect: Dialect, lines: Sequence[bytes]) -> bool:
    """Whether the first of several rows numbers the columns, as pandas writes it where they have no names.

    The label's column counts too, or has a name there, which is the label of no other row.
    """
    fields = [field.strip() for field in dialect.split(lines[0])]
    if len(lines) == 1 or len(fields) < _FEWEST_NUMBERED:
        return False
    if _counts(fields):
        return True
    is_number = number_of(fields[0]) is not None and not is_missing(fields[0])
    if not dialect.labelled or is_number or not _counts(fields[1:]):
        return False
    return fields[0] not in (
        field.strip() for line in lines[1:LOOKED_AT] for field in dialect.split(line)[:1]
    )


def _counts(fields: Sequence[bytes]) -> bool:
    """Whether fields are whole numbers from 0 or 1 on, one after another."""
    return fields[0] in {b"0", b"1"} and all(
        field == b"%d" % number for number, field in enumerate(fields, start=int(fields[0]))
    )


def _split(line: bytes, separator: Separator) -> list[bytes]:
    # One more than there may be: who reads them sees that there are too many.
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
    """The fields of a row in which some are in double quotes."""
    mark = " " if separator is None else separator.decode()
    text = line.decode("utf-8")
    if separator is None:
        text = text.strip().replace("\t", " ")
    try:
        (fields,) = csv.reader([text], delimiter=mark, skipinitialspace=True)
    except (csv.Error, ValueError):  # a field of more than 131,072 characters; a line end in quotes
        return line.split(separator)
    return [field.encode() for field in fields if separator is not None or field]
