"""Canonical labels, as in a contract: one spelling for each number, text unchanged."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from app.series.readers.parsed import Refused, quoted

# The limit of the contract's schema.
MAX_LABEL = 100
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# Above it, neighbouring integers are the same float.
_EXACT = 2**53


def canonical_label(text: str) -> str:
    """The canonical label: `1`, `1.0` and `1.0000000e+00` become `1`; text stays unchanged."""
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return str(int(text))
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    if number.is_integer() and abs(number) < _EXACT:
        return str(int(number))
    return repr(number) if math.isfinite(number) else text


def read_label(text: str, row: str) -> str:
    """The canonical label of a row.

    Raises:
        Refused: the label is missing, too long or not printable.
    """
    label = canonical_label(text)
    if label.lower() in {"", "?", "nan", "-nan", "+nan", "inf", "-inf", "+inf"}:
        raise Refused(f"{row}: the label is missing ({quoted(label)})", "write a label before the values")
    if len(label) > MAX_LABEL or not label.isprintable():
        raise Refused(
            f"{row}: the label {quoted(label)} is longer than {MAX_LABEL} characters or not printable",
            "write a short label before the values",
        )
    return label


def sorted_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """The distinct labels: in numeric order if all are numbers, else alphabetically."""
    distinct = set(labels)
    if all(_NUMBER.fullmatch(label) for label in distinct):
        return tuple(sorted(distinct, key=lambda label: (float(label), label)))
    return tuple(sorted(distinct))
