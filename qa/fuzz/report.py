"""Results of the targets, as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """A case that violated a promise.

    Attributes:
        case: reproduces it: a target and a number, or a command.
        violation: the violation, in one line.
    """

    case: str
    violation: str

    def __str__(self) -> str:
        """Case and violation in one line."""
        return f"{self.case}: {self.violation}"


@dataclass(slots=True)
class Outcome:
    """The result of a target.

    Attributes:
        target: name of the target.
        cases: number of cases.
        seconds: duration.
        findings: cases with a violation.
        measured: other measurements, as text.
        transcript: output of a tool about the findings.
    """

    target: str
    cases: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    measured: str = ""
    transcript: str = ""


def table(outcomes: Iterable[Outcome]) -> str:
    """The table in Markdown."""
    rows = ["| target | cases | seconds | findings | measured |", "|---|---|---|---|---|"]
    rows += [
        f"| {one.target} | {one.cases:,} | {one.seconds:,.0f} | {len(one.findings)} | {one.measured} |"
        for one in outcomes
    ]
    return "\n".join(rows)


def details(outcomes: Iterable[Outcome]) -> str:
    """The first findings of each target, one per line."""
    lines = []
    for one in outcomes:
        lines += [*filter(None, [one.transcript]), *map(str, one.findings[:SHOWN])]
        if len(one.findings) > SHOWN:
            lines.append(f"{one.target}: {len(one.findings) - SHOWN} more")
    return "\n".join(lines)
