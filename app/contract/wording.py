"""Quotes text of files and libraries in error messages."""

from __future__ import annotations

import os
from pathlib import Path

# Characters of a library's error text. OpenVINO's have 180 to 500; Keras' may quote a configuration.
MOST_REASON = 1000
_GAP = " … "


def shown(text: object, *, most: int = 100) -> str:
    """Text of a file for a message or log: short, printable, on one line."""
    short = str(text)[:most]
    return short if short.isprintable() else ascii(short)[1:-1]


def reason_of(error: BaseException, *, without: Path | str | None = None) -> str:
    """The text of an exception on one line; the name of its type if it has no text.

    Control characters are escaped. Of more than `MOST_REASON` characters the middle is left out: libraries
    put the place of an error first and its cause last.

    Args:
        error: of a library.
        without: a temporary folder, whose path is removed.
    """
    text = str(error)
    if without is not None:
        text = text.replace(f"{without}{os.sep}", "")
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)
    if len(line) > MOST_REASON:
        start = MOST_REASON // 4
        line = f"{line[:start]}{_GAP}{line[start + len(_GAP) - MOST_REASON :]}"
    return line or type(error).__name__
