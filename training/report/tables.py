"""Markdown tables and figures as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# How the two kinds of series are called on which everything is reported as a pair.
PAIR = {"stored": "as stored", "rounded_2": "rounded to 2 decimals"}


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paragraphs(*parts: str) -> str:
    """Paragraphs, lists and tables, one below the other; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)


def percent(share: float) -> str:
    """A share in per cent."""
    return f"{share:.2%}"


def about(share: float) -> str:
    """A share as it is said in a sentence: "all", or per cent without needless digits."""
    return "all" if share == 1 else f"{100 * share:.3g} %"


def points(difference: float) -> str:
    """A difference of two shares in percentage points."""
    return f"{100 * difference:.2f} points"
