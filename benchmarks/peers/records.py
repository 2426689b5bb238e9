"""Records of measurements, saved as JSON so that a report can be written again."""

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
        measure: a load's key, `start`, `steady`, an overload's key or `bare`.
        round: number of the repetition, from 0.
        values: by name; names have the unit unless it is seconds or a count.
    """

    subject: str
    measure: str
    round: int
    values: Mapping[str, float]


@dataclass(slots=True)
class Results:
    """All results of a run.

    Attributes:
        about: the machine, versions, commands and settings, for the report.
        records: in order of measurement.
        failures: reasons why a server was not measured completely, by its key.
    """

    about: dict[str, Any] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def values(self, subject: str, measure: str, name: str) -> dict[int, float]:
        """A value by round."""
        return {
            record.round: record.values[name]
            for record in self.records
            if record.subject == subject and record.measure == measure and name in record.values
        }

    def median(self, subject: str, measure: str, name: str) -> float | None:
        """The median over the rounds; None without values."""
        found = list(self.values(subject, measure, name).values())
        return statistics.median(found) if found else None

    def ratios(self, measure: str, name: str, over: str, under: str) -> list[float]:
        """One server's value over another's for each round, because the machine's speed changes during a run.

        Rounds without a value of the other are left out.
        """
        above, below = self.values(over, measure, name), self.values(under, measure, name)
        return [above[i] / below[i] for i in above if below.get(i)]

    def save(self, path: Path) -> None:
        """Write it as JSON, one record per line."""
        records = ",\n".join(json.dumps(asdict(record)) for record in self.records)
        about, failures = json.dumps(self.about), json.dumps(self.failures)
        path.write_text(f'{{"about": {about},\n"failures": {failures},\n"records": [\n{records}\n]}}\n')


def read_results(path: Path) -> Results:
    """Read a file of `Results.save`."""
    found = json.loads(path.read_text())
    records = [Record(**record) for record in found["records"]]
    return Results(found["about"], records, found["failures"])


def spread(values: Iterable[float], form: str) -> str:
    """Median and range; a dash without values."""
    found = list(values)
    if not found:
        return "-"
    if len(found) == 1:
        return f"{found[0]:{form}}"
    return f"{statistics.median(found):{form}} ({min(found):{form}}-{max(found):{form}})"
