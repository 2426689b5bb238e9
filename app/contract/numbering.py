"""Which texts are a version's number: as a folder's name, in the pin file, in a query, on a command line."""

from __future__ import annotations

import re

# Nine digits: what 32 bits hold, wherever a number of a version may be kept.
MAX_VERSION = 999_999_999
# ASCII alone: `str.isdecimal` takes digits of other scripts, and `int` takes those and leading zeros.
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def version_number(text: str) -> int | None:
    """The number that a text is as a version's number is written; None if it is none.

    A plain decimal number from 1 to `MAX_VERSION`, without leading zeros, signs or spaces: a version has
    one name.
    """
    return int(text) if _NUMBER.fullmatch(text) else None
