"""How an error quotes what a file says. It knows no format."""

from __future__ import annotations


def shown(text: object, *, most: int = 100) -> str:
    """A file's own words, short and on one line, so that they can stand in a message or a log."""
    short = str(text)[:most]
    return short if short.isprintable() else ascii(short)[1:-1]
