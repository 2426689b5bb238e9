"""The record of a benchmark: latencies of one replica under rising loads.

`python -m benchmarks.capacity --measure FILE` writes one. `record.json` beside this file is the one that
`capacity` uses by default.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.errors import AppError

SHIPPED = Path(__file__).parent / "record.json"
REMEDY = "measure one: python -m benchmarks.capacity --measure FILE"

Body = Literal["json", "npy"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class RecordError(AppError):
    """The record cannot be read, or does not cover what is asked for."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class About(_Part):
    """Where the figures come from, each in a line.

    Attributes:
        machine: processor, cores and versions.
        command: that measured.
        when: date and time.
        model: name and version.
        replica: its workers, cores and settings.
        load: how the requests were sent.
    """

    machine: str
    command: str
    when: str
    model: str
    replica: str
    load: str


class Point(_Part):
    """A load at which every request of every round got a prediction.

    Attributes:
        rate: requests per second.
        p99_ms: 99th percentile of the latency in milliseconds, of each round.
        busy_cores: CPU seconds of the replica per second, of each round.
    """

    rate: Positive
    p99_ms: Annotated[list[Positive], Field(min_length=1)]
    busy_cores: Annotated[list[NotNegative], Field(min_length=1)]


class Curve(_Part):
    """Loads of requests of one kind, in order of their rates.

    Attributes:
        body: format of the request.
        series: number of series in a request.
        points: the loads.
    """

    body: Body
    series: Annotated[int, Field(gt=0)]
    points: Annotated[list[Point], Field(min_length=2)]

    @model_validator(mode="after")
    def _rates_rise(self) -> Curve:
        rates = [point.rate for point in self.points]
        if any(high <= low for low, high in pairwise(rates)):
            raise ValueError("the rates of a curve must rise")
        return self


class Record(_Part):
    """Everything that a run measured.

    Attributes:
        format: of this file.
        about: where it comes from.
        cores: CPU cores of the replica.
        memory_mb: resident memory of the replica after the loads, in MB.
        curves: one for each format and size of a request.
    """

    format: Literal[1]
    about: About
    cores: Positive
    memory_mb: Positive
    curves: Annotated[list[Curve], Field(min_length=1)]

    def save(self, path: Path) -> None:
        """Write it as JSON, one load per line, so that a change can be read."""
        document = self.model_dump()
        curves = document.pop("curves")
        texts = []
        for curve in curves:
            points = ",\n  ".join(json.dumps(point) for point in curve.pop("points"))
            texts.append(f'{json.dumps(curve)[:-1]}, "points": [\n  {points}]}}')
        head = json.dumps(document, indent=1)[:-2]
        path.write_text(f'{head},\n "curves": [\n {f",{chr(10)} ".join(texts)}]}}\n', encoding="utf-8")


def read_record(path: Path) -> Record:
    """Read a file of `Record.save`.

    Raises:
        RecordError: it cannot be read, or is no such file.
    """
    try:
        return Record.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path}: {(error.strerror or str(error)).lower()}; check the name") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RecordError(
            f"{path}: no record of loads: {where or 'file'}: {first['msg']}; {REMEDY}"
        ) from error
