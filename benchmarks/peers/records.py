"""What was measured: one record a measurement, kept as JSON so that a report can be written anew."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One measurement.

    Attributes:
        subject: a server's key.
        measure: what: a load's key, `start`, `open`, an overload's key, `bare`, ....
        round: which repetition, from 0.
        values: by name; units are in the names where they are not seconds or counts.
    """

    subject: str
    measure: str
    round: int
    values: Mapping[str, float]


@dataclass(slots=True)
class Results:
    """All of a run.

    Attributes:
        about: the machine, versions, commands and settings, for the report.
        records: in the order they were made.
        failures: why a server was not measured, or not in full; by its key, one a time.
    """

    about: dict[str, Any] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def values(self, subject: str, measure: str, name: str) -> dict[int, float]:
        """A value of every round that has it."""
        return {
            record.round: record.values[name]
            for record in self.records
            if record.subject == subject and record.measure == measure and name in record.values
        }

    def median(self, subject: str, measure: str, name: str) -> float | None:
        """The median over the rounds; None if there is none."""
        found = list(self.values(subject, measure, name).values())
        return statistics.median(found) if found else None

    def ratios(self, measure: str, name: str, over: str, under: str) -> list[float]:
        """One server's value over another's, round by round: machines change in the course of a run.

        Rounds in which the other had nothing to show are left out.
        """
        above, below = self.values(over, measure, name), self.values(under, measure, name)
        return [above[i] / below[i] for i in above if below.get(i)]

    def save(self, path: Path) -> None:
        """Write it as JSON, a record a line."""
        records = ",\n".join(json.dumps(asdict(record)) for record in self.records)
        about, failures = json.dumps(self.about), json.dumps(self.failures)
        path.write_text(f'{{"about": {about},\n"failures": {failures},\n"records": [\n{records}\n]}}\n')


def read_results(path: Path) -> Results:
    """What `Results.save` wrote."""
    found = json.loads(path.read_text())
    records = [Record(**record) for record in found["records"]]
    return Results(found["about"], records, found["failures"])


def spread(values: Iterable[float], form: str) -> str:
    """Median and range; a dash where there is nothing."""
    found = list(values)
    if not found:
        return "-"
    if len(found) == 1:
        return f"{found[0]:{form}}"
    return f"{statistics.median(found):{form}} ({min(found):{form}}-{max(found):{form}})"
