"""How an error quotes what a file or a library says. It knows no format."""

from __future__ import annotations

import os
from pathlib import Path

# Of a library's own reason. OpenVINO's are 180 to 500 characters; Keras' can hold a layer's configuration.
MOST_REASON = 1000
_GAP = " … "


def shown(text: object, *, most: int = 100) -> str:
    """A file's own words, short and on one line, so that they can stand in a message or a log."""
    short = str(text)[:most]
    return short if short.isprintable() else ascii(short)[1:-1]


def reason_of(error: BaseException, *, without: Path | str | None = None) -> str:
    """All that an exception says, on one line; the name of its type where it says nothing.

    Control characters are escaped. Of more than `MOST_REASON` characters the middle is left out: libraries
    say first where an error was raised, and why last.

    Args:
        error: of a library.
        without: a temporary folder, whose path says nothing to whoever reads the message later.
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
