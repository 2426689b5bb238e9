"""The results of all faults, as a table in Markdown and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from qa.chaos.finding import Finding
from qa.chaos.request_log import Tally

HEADINGS = (
    "fault",
    "load, requests/s",
    "faults injected",
    *(field.name for field in fields(Tally)),
    "promises",
    "held?",
)


def write(findings: Sequence[Finding], about: Mapping[str, str], folder: Path) -> str:
    """Write `report.md` and `results.json` into a folder; return the text of `report.md`."""
    text = markdown(findings, about)
    (folder / "report.md").write_text(text)
    document = {
        "about": dict(about),
        "held": all(finding.held for finding in findings),
        "findings": [_plain(finding) for finding in findings],
    }
    (folder / "results.json").write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    return text


def markdown(findings: Sequence[Finding], about: Mapping[str, str]) -> str:
    """The report: facts about the run, the table, and texts that are too long for it."""
    rows = [HEADINGS, ["---"] * len(HEADINGS), *(cells(finding) for finding in findings)]
    table = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
    facts = "\n".join(f"* {name}: {text}" for name, text in about.items())
    more = [
        f"* {finding.fault}: {text}" for finding in findings for text in (*finding.measured, *finding.faults)
    ]
    return "\n\n".join(["# Faults", facts, table, *(["\n".join(more)] if more else [])]) + "\n"


def cells(finding: Finding) -> list[str]:
    """The table row of a fault."""
    counts = ["-"] * len(fields(Tally)) if finding.tally is None else _counts(finding.tally)
    load = "-" if math.isnan(finding.rate) else f"{finding.rate:.0f}: {finding.load}"
    must = "; ".join(
        f"{promise.text} ({promise.measured})" if promise.measured else promise.text
        for promise in finding.promises
    )
    return [finding.fault, load, finding.injected or "-", *counts, must or "-", verdict(finding)]


def summary(finding: Finding) -> str:
    """A finding in a few lines, printed when the fault has ended."""
    promises = [
        f"  {'held' if promise.held else 'BROKEN'}: {promise.text} ({promise.measured})"
        for promise in finding.promises
    ]
    return "\n".join([f"{finding.fault}: held? {verdict(finding)}", *promises])


def verdict(finding: Finding) -> str:
    """`yes`, or which promises did not hold."""
    if finding.not_run:
        return f"**not run**: {finding.not_run}"
    broken = [promise.text for promise in finding.promises if not promise.held]
    return "yes" if finding.held else f"**no**: {'; '.join(broken) or 'nothing was promised'}"


def _counts(tally: Tally) -> list[str]:
    return [f"{getattr(tally, field.name):,}" for field in fields(tally)]


def _plain(finding: Finding) -> dict[str, object]:
    rate = None if math.isnan(finding.rate) else round(finding.rate, 1)
    return asdict(finding) | {"rate": rate, "held": finding.held}
