"""`predict --output FILE --resume`: every row exactly once, whenever the run before was killed."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from app.contract import Artifact
from qa.harness.server import ServerProcess
from tests.conftest import ROOT

ROWS = 15_000
BAD = (17, 10_123)


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory, artifact: Artifact) -> Path:
    """Many series, two of which cannot be scored."""
    path = tmp_path_factory.mktemp("big") / "big.npy"
    values = np.resize(artifact.golden.series, (ROWS, artifact.contract.input.length))
    values[list(BAD), 3] = np.nan
    np.save(path, values)
    return path


def command(server: ServerProcess, file: Path, output: Path, *more: str) -> Sequence[str]:
    """Predict into a file, with short shards."""
    options = ("--output", str(output), "--checkpoint-rows", "500", *more)
    return (sys.executable, "-m", "app", "predict", str(file), "--url", server.url, *options)


def rows_of(path: Path) -> list[tuple[int, str]]:
    """The row and the label of each prediction of a file."""
    if path.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        table = parquet.read_table(path)
        return list(zip(table["row"].to_pylist(), table["label"].to_pylist(), strict=True))
    text = path.read_text(encoding="utf-8").splitlines()
    lines = list(csv.DictReader(text)) if path.suffix == ".csv" else [json.loads(line) for line in text]
    return [(int(line["row"]), line["label"]) for line in lines]


@pytest.mark.parametrize("name", ["out.csv", "out.ndjson", "out.parquet"])
def test_a_killed_run_goes_on_with_every_row_exactly_once(
    server: ServerProcess, artifact: Artifact, big_file: Path, tmp_path: Path, name: str
) -> None:
    """Kill -9 at random moments, until a run ends; the counts at the end are of all runs."""
    if name == "out.parquet":
        pytest.importorskip("pyarrow")
    output, chance = tmp_path / name, random.Random(name)  # noqa: S311 - repeatable
    kills = stored = 0
    while True:
        run = subprocess.Popen(
            command(server, big_file, output, "--resume"), cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        if kills < 6:
            # A run may end first. After a shard, at any time: while it reads, sends, writes or renames.
            deadline, before = time.monotonic() + 60, stored
            while run.poll() is None and stored == before and time.monotonic() < deadline:
                stored = len(list(tmp_path.glob(f"{name}.parts/0*")))
            time.sleep(chance.uniform(0, 0.1))
            if run.poll() is None:
                run.send_signal(signal.SIGKILL)
                kills += 1
        _, err = run.communicate()
        if run.returncode != -signal.SIGKILL:
            break
        assert not output.exists()
    assert kills >= 3
    assert run.returncode == 3, err
    assert err.splitlines()[-1] == f"{ROWS - 2:,} series scored, 2 rows could not be scored"
    assert list(tmp_path.iterdir()) == [output]
    names = [label.name for label in artifact.contract.labels]
    golden = [names[place] for place in artifact.golden.probabilities.argmax(axis=1)]
    expected = [(row + 1, golden[row % len(golden)]) for row in range(ROWS) if row not in BAD]
    assert rows_of(output) == expected


def test_a_run_that_was_stopped_is_not_overwritten(
    server: ServerProcess, big_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without `--resume`, and with another command, a line says what to do."""
    output = tmp_path / "out.csv"
    run = subprocess.Popen(command(server, big_file, output), cwd=ROOT, stderr=subprocess.DEVNULL)
    manifest = tmp_path / "out.csv.parts" / "manifest.json"
    while not manifest.exists():
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert main(command(server, big_file, output)[3:]) == 1
    assert "an earlier run was stopped; give --resume to go on, or delete" in capsys.readouterr().err
    assert main(command(server, big_file, output, "--resume", "--abstain")[3:]) == 1
    assert "an earlier run had other options; repeat its command, or delete" in capsys.readouterr().err
    os.utime(big_file, ns=(1, 1))
    assert main(command(server, big_file, output, "--resume")[3:]) == 1
    assert "an earlier run had other files;" in capsys.readouterr().err


def test_two_runs_do_not_write_one_output(
    server: ServerProcess, big_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one ends with a line; the first one is not disturbed."""
    output = tmp_path / "out.ndjson"
    run = subprocess.Popen(command(server, big_file, output), cwd=ROOT, stderr=subprocess.DEVNULL)
    while not (tmp_path / "out.ndjson.parts" / "manifest.json").exists():
        assert run.poll() is None
        time.sleep(0.01)
    assert main(command(server, big_file, output, "--resume")[3:]) == 1
    assert "another run writes here; wait for its end" in capsys.readouterr().err
    assert run.wait() == 3
    assert len(rows_of(output)) == ROWS - 2


def test_what_is_complete_is_not_scored_again(
    server: ServerProcess, artifact: Artifact, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that a job may be started again by whatever runs it."""
    np.save(tmp_path / "a.npy", artifact.golden.series[:3])
    output = tmp_path / "out.csv"
    assert main(command(server, tmp_path / "a.npy", output, "--resume")[3:]) == 0
    content = output.read_bytes()
    assert main(command(server, tmp_path / "a.npy", output, "--resume")[3:]) == 0
    assert capsys.readouterr().err.splitlines()[-1].endswith("complete; there is nothing to resume")
    assert output.read_bytes() == content


@pytest.mark.parametrize("arguments", [["-", "--output", "out.csv"], ["pyproject.toml"]])
def test_what_cannot_be_resumed_is_one_line(
    server: ServerProcess, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard input is gone, and standard output has no shards."""
    assert main(["predict", *arguments, "--resume", "--url", server.url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("--resume ")
