"""Parses version numbers: folder names, the pin file, query parameters and command-line options."""

from __future__ import annotations

import re

# Nine digits fit in 32 bits.
MAX_VERSION = 999_999_999
# ASCII only: `str.isdecimal` and `int` accept digits of other scripts, and `int` leading zeros.
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def version_number(text: str) -> int | None:
    """The version number in a text; None if the text is not one.

    A decimal number from 1 to `MAX_VERSION`, without leading zeros, signs or spaces: each version has one
    spelling.
    """
    return int(text) if _NUMBER.fullmatch(text) else None
