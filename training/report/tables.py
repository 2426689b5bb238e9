"""Markdown tables, and numbers as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# The two views of the test series that most figures are reported for.
PAIR = {"stored": "as stored", "rounded_2": "rounded to 2 decimals"}


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paragraphs(*parts: str) -> str:
    """Join paragraphs, lists and tables with blank lines; empty parts are left out."""
    return "\n\n".join(part for part in parts if part)


def percent(share: float) -> str:
    """A share in per cent with 2 decimals, for measured figures: `97.50%`."""
    return f"{share:.2%}"


def short_percent(share: float) -> str:
    """A share in per cent with at most 3 significant digits, for settings: `37.5%`."""
    return f"{100 * share:.3g}%"


def points(difference: float) -> str:
    """A difference of two shares in percentage points."""
    return f"{100 * difference:.2f} points"
