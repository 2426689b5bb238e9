"""`python -m benchmarks.score`: `score` compared with the bare engine, on one process and on several.

One file is scored several times in one job, which names it several times: a million rows need 2 GB of disk
once. Rounds alternate: the bare engines, then the command, for each number of processes. The bare engines
compute the same batches from memory, pinned to the same cores, and read and write nothing. Rates of the
command include its start: interpreters, planning, loading and verifying the model. "Start" is a job of one
row. The share of CPU time is the engines' CPU time for a series, of the command's after its start: other
programs on the machine change it less than the rates.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from app.contract import Artifact, open_artifact
from app.inference.engines import load_engine
from app.scoring.scorer import ENGINE_ROWS
from app.series.readers.parts import SeriesSource, divided, read_part
from app.series.readers.rows import RowOptions
from app.system.affinity import pin_worker
from benchmarks.__main__ import machine
from benchmarks.timing import spread

_CHUNK_ROWS = 10_000
# Of the files whose reading is measured.
_READ_ROWS = 4_000


class Cost(NamedTuple):
    """Seconds of something, on the clock and of CPU time in all its processes."""

    seconds: float
    cpu: float


@dataclass(slots=True)
class Measured:
    """What all rounds measured for one number of processes.

    Attributes:
        bare: series/s of the engines alone.
        whole: series/s of the command, its start included.
        start: seconds of a job of one row.
        scoring: series/s of the command after its start.
        cpu_share: CPU time of the engines for a series, of that of the command after its start.
    """

    bare: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    scoring: list[float] = field(default_factory=list)
    cpu_share: list[float] = field(default_factory=list)

    def add(self, bare: Sequence[Cost], start: Cost, whole: Cost, *, rows: int) -> None:
        """Add a round: costs of a series on each engine, of a job of one row, and of one of `rows`."""
        self.bare.append(sum(1 / each.seconds for each in bare))
        self.start.append(start.seconds)
        self.whole.append(rows / whole.seconds)
        self.scoring.append(rows / (whole.seconds - start.seconds))
        engine = sum(each.cpu for each in bare) / len(bare)
        self.cpu_share.append(engine * rows / (whole.cpu - start.cpu))


def bare_costs(folder: Path, *, processes: int, seconds: float) -> list[Cost]:
    """The cost of a series on each of so many engines at the same time, without reading and writing."""
    context = multiprocessing.get_context("spawn")
    connections = []
    for number in range(1, processes + 1):
        mine, theirs = context.Pipe()
        context.Process(target=_run_engine, args=(theirs, folder, number, processes), daemon=True).start()
        connections.append(mine)
    for each in connections:
        each.recv()
    for each in connections:
        each.send(seconds)
    return [each.recv() for each in connections]


def _run_engine(connection: Connection, folder: Path, number: int, processes: int) -> None:
    pin_worker(number=number, workers=processes)
    artifact = open_artifact(folder)
    engine = load_engine(artifact, max_rows=ENGINE_ROWS, threads=1)
    series = np.resize(artifact.golden.series, (ENGINE_ROWS, *artifact.contract.input.spec.shape))
    connection.send(None)
    seconds, rows = connection.recv(), 0
    began, began_cpu = time.perf_counter(), time.process_time()
    while (elapsed := time.perf_counter() - began) < seconds:
        engine.predict(series)
        rows += ENGINE_ROWS
    connection.send(Cost(elapsed / rows, (time.process_time() - began_cpu) / rows))


def score_cost(artifact: Artifact, files: list[Path], *, processes: int, options: Sequence[str]) -> Cost:
    """The cost of the whole command.

    Raises:
        CalledProcessError: it did not score all rows.
    """
    with TemporaryDirectory(dir=files[0].parent) as output:
        command = [sys.executable, "-m", "app", "score", "--processes", str(processes), *options]
        began, began_cpu = time.perf_counter(), _children_cpu()
        subprocess.run(
            [*command, "--input", *map(str, files), "--output", output],
            env=os.environ | {"ARTIFACT": str(artifact.folder)},
            check=True,
            stderr=subprocess.DEVNULL,
        )
        return Cost(time.perf_counter() - began, _children_cpu() - began_cpu)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write_series(path: Path, artifact: Artifact, rows: int) -> None:
    """Write a file `float32[rows, *SeriesSpec.shape]` of golden series with noise, in pieces."""
    spec = artifact.contract.input.spec
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, *spec.shape))
    chance = np.random.default_rng(0)
    for first in range(0, rows, _CHUNK_ROWS):
        end = min(first + _CHUNK_ROWS, rows)
        noise = chance.standard_normal((end - first, *spec.shape), dtype=np.float32)
        file[first:end] = np.resize(artifact.golden.series, noise.shape) + 0.01 * noise
    file.flush()


def measure(artifact: Artifact, options: argparse.Namespace, folder: Path) -> dict[int, Measured]:
    """Alternate bare engines and the command, for each number of processes."""
    file, one = folder / "series.npy", folder / "one.npy"
    write_series(file, artifact, options.rows)
    write_series(one, artifact, 1)
    found = {processes: Measured() for processes in options.processes}
    shards = ["--shard-rows", str(options.shard_rows)]
    for _ in range(options.rounds):
        for processes, each in found.items():
            bare = bare_costs(artifact.folder, processes=processes, seconds=options.seconds)
            start = score_cost(artifact, [one], processes=processes, options=[])
            whole = score_cost(artifact, [file] * options.passes, processes=processes, options=shards)
            each.add(bare, start, whole, rows=options.rows * options.passes)
    return found


def table(found: dict[int, Measured]) -> str:
    """Rates, shares of the bare engines within a round, and what more processes bring."""
    heads = (
        "processes",
        "bare engines, series/s",
        "score, series/s",
        "share",
        "start, s",
        "after the start, series/s",
        "share",
        "share of CPU time",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for processes, each in found.items():
        cells = (
            str(processes),
            spread(each.bare, ",.0f"),
            spread(each.whole, ",.0f"),
            spread([one / two for one, two in zip(each.whole, each.bare, strict=True)], ".2f"),
            spread(each.start, ".1f"),
            spread(each.scoring, ",.0f"),
            spread([one / two for one, two in zip(each.scoring, each.bare, strict=True)], ".2f"),
            spread(each.cpu_share, ".2f"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    first, *others = found.items()
    for processes, each in others:
        for name in ("bare", "whole", "scoring"):
            pairs = zip(getattr(each, name), getattr(first[1], name), strict=True)
            factors = [more / less for more, less in pairs]
            lines.append(f"\n{first[0]} to {processes} processes, {name}: {spread(factors, '.2f')} times")
    return "\n".join(lines)


def reading(artifact: Artifact, folder: Path, *, repeats: int = 5) -> str:
    """CPU time to read a series of each format, in µs."""
    spec = artifact.contract.input.spec
    values = np.resize(artifact.golden.series, (_READ_ROWS, spec.length))
    files = {name: folder / name for name in ("array.npy", "lists.parquet", "columns.parquet", "text.csv")}
    np.save(files["array.npy"], values)
    parquet.write_table(
        pa.table({"x": pa.array(list(values), pa.list_(pa.float32()))}), files["lists.parquet"]
    )
    columns = {f"v{place}": np.ascontiguousarray(values[:, place]) for place in range(spec.length)}
    parquet.write_table(pa.table(columns), files["columns.parquet"])
    lines = ("1," + ",".join(map(repr, row)) + "\n" for row in values.tolist())
    files["text.csv"].write_text("".join(lines), encoding="ascii")
    rows = ["", "| file | CPU time to read a series, µs |", "|---|---|"]
    for name, path in files.items():
        costs = []
        for _ in range(repeats):
            began = time.process_time()
            with path.open("rb") as file:
                source = SeriesSource(path, file)
                for part in divided(source, spec, _READ_ROWS):
                    for _ in read_part(source, spec, RowOptions(), part):
                        pass
            costs.append(1e6 * (time.process_time() - began) / _READ_ROWS)
        rows.append(f"| {name} | {spread(costs, '.1f')} |")
    return "\n".join(rows)


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.score", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the file")
    parser.add_argument("--passes", type=int, default=10, help="over the file, in one job")
    parser.add_argument("--shard-rows", type=int, default=50_000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=20.0, help="of the bare engines, each time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="for the file (default: the folder for temporary files)")
    options = parser.parse_args()
    artifact = open_artifact(options.artifact)
    with TemporaryDirectory(dir=options.folder) as folder:
        found = measure(artifact, options, Path(folder))
        formats = reading(artifact, Path(folder))
    print(f"`python -m benchmarks.score {' '.join(sys.argv[1:])}`".replace(" `", "`"))
    print(f"on {machine()}, model {artifact.contract.name}/{artifact.contract.version}")
    print(f"load average of the last minute, this included: {os.getloadavg()[0]:.1f}\n")
    print(table(found))
    print(formats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
