"""Thousands separators that look like decimal marks: 1,234 beside 999."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.series.readers.dialect import LOOKED_AT, Dialect
from app.series.readers.rows import Refused, quoted

_GROUPED = re.compile(rb"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
_LESS_THAN_1000 = re.compile(rb"[+-]?[0-9]{1,3}")


def check_thousands(dialect: Dialect, lines: Sequence[bytes]) -> None:
    """Refuse a text whose marks may separate thousands: then 1,234 would be read as a thousandth of itself.

    That is so where each number with a mark has three digits after it and one to three before, each number
    without is below 1,000, and there are both. Where all have a mark, they differ from what is meant by one
    factor, which changes no answer.

    Raises:
        Refused: names the first such number.
    """
    marked: Refused | None = None
    has_small = False
    start = int(dialect.header)
    for number, line in enumerate(lines[start : start + LOOKED_AT], start=start + 1):
        for position, field in enumerate(map(bytes.strip, dialect.values(dialect.split(line))), start=1):
            if _GROUPED.fullmatch(field):
                marked = marked or _refusal(f"row {number}: value {position} is {quoted(field)}")
            elif _LESS_THAN_1000.fullmatch(field):
                has_small = True
            elif any(character in field for character in b"0123456789"):
                return
    if marked and has_small:
        raise marked


def _refusal(value: str) -> Refused:
    return Refused(
        f"{value}: a decimal mark or a thousands separator",
        "write all numbers without thousands separators, and with the same number of decimals",
    )
