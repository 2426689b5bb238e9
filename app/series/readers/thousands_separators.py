"""Thousands separators that look like decimal marks: 1,234 beside 999."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.series.readers.parsed import Refused, quoted
from app.series.readers.text_format import SAMPLED_ROWS, TextFormat

_GROUPED = re.compile(rb"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
_LESS_THAN_1000 = re.compile(rb"[+-]?[0-9]{1,3}")


def check_thousands_separators(text_format: TextFormat, lines: Sequence[bytes]) -> None:
    """Refuse a text whose commas or points may be thousands separators: 1,234 would be read as 1.234.

    They may be if each number with a mark has three digits after it and one to three before, each number
    without a mark is below 1,000, and both kinds occur. If all have a mark, all are wrong by the same factor,
    which changes no prediction.

    Raises:
        Refused: names the first such number.
    """
    marked: Refused | None = None
    has_small = False
    start = int(text_format.header)
    for number, line in enumerate(lines[start : start + SAMPLED_ROWS], start=start + 1):
        for position, field in enumerate(
            map(bytes.strip, text_format.values(text_format.split(line))), start=1
        ):
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
