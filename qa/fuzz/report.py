"""What a run of a target came to, as a row of the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """A case that broke a promise.

    Attributes:
        case: what makes it again: a target and a number, or a whole command.
        complaint: what it broke, in one line.
    """

    case: str
    complaint: str

    def __str__(self) -> str:
        """The line for a person."""
        return f"{self.case}: {self.complaint}"


@dataclass(slots=True)
class Outcome:
    """What came of a target.

    Attributes:
        target: its name.
        cases: how many were tried.
        seconds: that took.
        findings: the cases that broke something.
        measured: what else was seen, in words.
        transcript: what a tool has to say of the findings.
    """

    target: str
    cases: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    measured: str = ""
    transcript: str = ""


def table(outcomes: Iterable[Outcome]) -> str:
    """All of it in Markdown."""
    rows = ["| target | cases | seconds | findings | measured |", "|---|---|---|---|---|"]
    rows += [
        f"| {one.target} | {one.cases:,} | {one.seconds:,.0f} | {len(one.findings)} | {one.measured} |"
        for one in outcomes
    ]
    return "\n".join(rows)


def details(outcomes: Iterable[Outcome]) -> str:
    """The first findings of each target, a line each."""
    lines = []
    for one in outcomes:
        lines += [*filter(None, [one.transcript]), *map(str, one.findings[:SHOWN])]
        if len(one.findings) > SHOWN:
            lines.append(f"{one.target}: {len(one.findings) - SHOWN} more")
    return "\n".join(lines)
