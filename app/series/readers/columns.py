"""Chooses the columns of a table: `3-502`, `time,x,y`, `1,4-6`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.series.readers.parsed import Refused, quoted
from app.series.spec import MAX_LENGTH

_RANGE = re.compile(r"([0-9]{1,7})(?:-([0-9]{1,7}))?")


class Columns:
    """Columns by number, counted from 1, or by name.

    Args:
        text: names, numbers and ranges of numbers, with commas between them.
    """

    def __init__(self, text: str) -> None:
        self._items = [item.strip() for item in text.split(",") if item.strip()]
        self._text = text

    def places(self, names: Sequence[bytes] | Sequence[str] | None, width: int | None) -> list[int]:
        """Their places, from 0; a name that the table has counts before a number.

        Args:
            names: of the table's columns; None if it has none.
            width: number of the table's columns; None if it is unknown.

        Raises:
            Refused: there is no such column.
        """
        known = [
            name.decode("utf-8", "replace").strip() if isinstance(name, bytes) else name
            for name in names or ()
        ]
        found: list[int] = []
        for item in self._items:
            if item in known:
                found.append(known.index(item))
                continue
            match = _RANGE.fullmatch(item)
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
            if not 1 <= first <= last <= (width or len(known) or MAX_LENGTH):
                raise Refused(f"no column {quoted(item)}", _remedy(known, width))
            found += range(first - 1, last)
        if not found:
            raise Refused(f"no columns in {quoted(self._text)}", _remedy(known, width))
        return found


def _remedy(known: Sequence[str], width: int | None) -> str:
    if known:
        return f"the columns are {quoted(', '.join(known))}; numbers count from 1"
    return f"give numbers from 1{f' to {width}' if width else ''}: the file has no row of names"
