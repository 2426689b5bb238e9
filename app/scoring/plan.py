"""The plan of a job: its files divided into tasks. It is written once and never changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.errors import UnreadableSeries
from app.scoring.inputs import InputFile, opened
from app.series.manifest import ManifestError
from app.series.readers.parts import Part, divided
from app.series.spec import SeriesSpec

FORMAT = 1


class Task(NamedTuple):
    """What one process scores at a time, and what becomes one shard.

    Attributes:
        number: from 0, in the order of the inputs.
        file: to read.
        part: of the file.
    """

    number: int
    file: InputFile
    part: Part

    @property
    def rows(self) -> int | None:
        """The number of rows; None if it is unknown before the file is read."""
        return None if self.part.end is None else self.part.end - self.part.first

    def __str__(self) -> str:
        """File and rows, for messages."""
        if self.part.end is None:
            return self.file.name
        return f"{self.file.name}, rows {self.part.first + 1:,} to {self.part.end:,}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The tasks of a job.

    Attributes:
        job: what all processes and all runs of a job must have in common; JSON values.
        files: as found when the job was planned, in order.
        parts: of each file.
    """

    job: Mapping[str, Any]
    files: Sequence[InputFile]
    parts: Sequence[Sequence[Part]]

    def tasks(self) -> list[Task]:
        """All tasks, by number."""
        pairs = ((file, part) for file, parts in zip(self.files, self.parts, strict=True) for part in parts)
        return [Task(number, file, part) for number, (file, part) in enumerate(pairs)]

    def to_json(self) -> bytes:
        """A document; a file's parts are the positions where they end."""
        files = [
            {"name": file.name, "size": file.size, "state": file.state, "ends": [part.end for part in parts]}
            for file, parts in zip(self.files, self.parts, strict=True)
        ]
        return json.dumps({"format": FORMAT, "job": self.job, "files": files}).encode()

    @classmethod
    def from_json(cls, content: bytes, place: str) -> Plan:
        """The plan of a document.

        Args:
            content: of the document.
            place: of the document, for messages.

        Raises:
            ManifestError: it is damaged, or of another release.
        """
        try:
            document = json.loads(content)
            version = document["format"]
            job = dict(document["job"])
            files = [InputFile(file["name"], file["size"], file["state"]) for file in document["files"]]
            parts = [_parts(file["ends"]) for file in document["files"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(f"{place}: damaged; score into another output") from error
        if version != FORMAT:
            raise ManifestError(f"{place}: format {version} of another release; score into another output")
        return cls(job, files, parts)


def make_plan(job: Mapping[str, Any], files: Sequence[InputFile], spec: SeriesSpec, rows: int) -> Plan:
    """Divide files into tasks. Only headers are read.

    A file that cannot be divided because it is damaged is one task, whose process says what is wrong with it.

    Args:
        job: see `Plan`.
        files: to score.
        spec: of the model.
        rows: of a task.

    Raises:
        ScoringError: a file has changed since it was found.
        StoreError: a store does not answer.
    """
    known: dict[InputFile, list[Part]] = {}
    for file in files:
        if file not in known:
            known[file] = _divided(file, spec, rows)
    return Plan(job, files, [known[file] for file in files])


def _divided(file: InputFile, spec: SeriesSpec, rows: int) -> list[Part]:
    try:
        with opened(file) as source:
            return divided(source, spec, rows)
    except UnreadableSeries:
        return [Part(0, None)]


def _parts(ends: Sequence[int | None]) -> list[Part]:
    return [Part(first or 0, end) for first, end in zip([0, *ends[:-1]], ends, strict=True)]
