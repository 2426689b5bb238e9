"""`predict`: formats, columns and places of its input and its output."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.cli import main
from app.contract import Artifact
from qa.harness.server import ServerProcess
from tests.conftest import ROOT
from tests.support.not_files import KINDS, put


@pytest.fixture
def series(artifact: Artifact) -> NDArray[np.float64]:
    """Four golden series."""
    return artifact.golden.series[:4].astype(np.float64)


@pytest.fixture
def labels(artifact: Artifact) -> list[str]:
    """The labels that their predictions have."""
    names = [label.name for label in artifact.contract.labels]
    return [names[place] for place in artifact.golden.probabilities[:4].argmax(axis=1)]


def predicted(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, *arguments: str
) -> list[dict[str, Any]]:
    """The lines that the command prints; it must succeed."""
    code = main(["predict", *arguments, "--url", server.url])
    out, err = capsys.readouterr()
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def write_table(path: Path, series: NDArray[np.float64], labels: list[str]) -> None:
    """A CSV file with names, a time, the values and the label last."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["site", *(f"v{place}" for place in range(series.shape[1])), "class"])
        for number, (row, label) in enumerate(zip(series.tolist(), labels, strict=True)):
            writer.writerow([f"site {number}", *row, label])


@pytest.mark.parametrize("columns", ["2-501", "v0,3-501"])
def test_columns_are_chosen_by_number_and_by_name(
    capsys: pytest.CaptureFixture[str],
    server: ServerProcess,
    series: NDArray[np.float64],
    labels: list[str],
    tmp_path: Path,
    columns: str,
) -> None:
    """Other columns may have text, and the label may be anywhere."""
    write_table(tmp_path / "a.csv", series, labels)
    options = ("--columns", columns, "--label-column", "class", "--url", server.url)
    assert main(["predict", str(tmp_path / "a.csv"), *options]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["label"] for line in out.splitlines()] == labels
    assert err.startswith("4 of 4 labels agree: 100.0 %")


@pytest.mark.parametrize("column", ["nothing", "0", "503", "5-2"])
def test_a_column_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str],
    server: ServerProcess,
    series: NDArray[np.float64],
    labels: list[str],
    tmp_path: Path,
    column: str,
) -> None:
    """It has the names that are there."""
    write_table(tmp_path / "a.csv", series, labels)
    assert main(["predict", str(tmp_path / "a.csv"), "--columns", column, "--url", server.url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"no column '{column}'; the columns are 'site, v0, v1" in line


@pytest.mark.parametrize("form", ["lists", "objects"])
def test_lines_of_json_are_read(
    capsys: pytest.CaptureFixture[str],
    server: ServerProcess,
    series: NDArray[np.float64],
    labels: list[str],
    tmp_path: Path,
    form: str,
) -> None:
    """A list a line, or an object with a label; a line that is neither is reported."""
    rows: list[Any] = series.tolist()
    if form == "objects":
        rows = [{"series": row, "label": label} for row, label in zip(rows, labels, strict=True)]
    path = tmp_path / "a.ndjson"
    path.write_text("\n".join([*map(json.dumps, rows), "", "oops"]), encoding="utf-8")
    assert main(["predict", str(path), "--url", server.url]) == 3
    out, err = capsys.readouterr()
    assert [json.loads(line)["label"] for line in out.splitlines()] == labels
    assert f"{path}: row 6: not JSON" in err
    assert ("4 of 4 labels agree" in err) == (form == "objects")


@pytest.mark.parametrize("form", ["wide", "list"])
def test_parquet_is_read(
    capsys: pytest.CaptureFixture[str],
    server: ServerProcess,
    series: NDArray[np.float64],
    labels: list[str],
    tmp_path: Path,
    form: str,
) -> None:
    """A column a time step, or one column of lists."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns: dict[str, Any] = {"x": series.tolist()}
    if form == "wide":
        columns = {f"v{place}": series[:, place] for place in range(series.shape[1])}
    parquet.write_table(arrow.table({**columns, "class": labels}), tmp_path / "a.parquet")
    found = predicted(capsys, server, str(tmp_path / "a.parquet"), "--label-column", "class")
    assert [line["label"] for line in found] == labels


def test_standard_input_and_patterns_are_read(
    server: ServerProcess,
    series: NDArray[np.float64],
    labels: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`-` in any format that is read whole, and a pattern that the shell has not replaced."""
    content = io.BytesIO()
    np.save(content, series)
    done = subprocess.run(
        [sys.executable, "-m", "app", "predict", "-", "--url", server.url],
        input=content.getvalue(),
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == labels
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", series[2 * number : 2 * number + 2])
    found = predicted(capsys, server, str(tmp_path / "*.npy"))
    assert [(Path(line["file"]).name, line["row"], line["label"]) for line in found] == [
        (f"{place // 2}.npy", place % 2 + 1, label) for place, label in enumerate(labels)
    ]


@pytest.mark.parametrize("options", [(), ("--windows",)], ids=["series", "windows"])
@pytest.mark.parametrize("kind", ["folder", "FIFO", "endless device"])
def test_what_is_no_file_is_one_line(
    capsys: pytest.CaptureFixture[str],
    server: ServerProcess,
    tmp_path: Path,
    kind: str,
    options: tuple[str, ...],
) -> None:
    """At once: opening a FIFO would wait for a writer."""
    path = tmp_path / "a.npy"
    put(path, KINDS[kind][0])
    assert main(["predict", str(path), *options, "--url", server.url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{path}: cannot be read (not a regular file)")


@pytest.mark.parametrize("options", [(), ("--windows",)], ids=["series", "windows"])
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00\x05\x00((((\n"], ids=["empty", "header"])
def test_a_broken_npy_file_is_one_line(
    capsys: pytest.CaptureFixture[str],
    server: ServerProcess,
    tmp_path: Path,
    content: bytes,
    options: tuple[str, ...],
) -> None:
    """NumPy parses the header as Python, and raises errors of its tokenizer."""
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    assert main(["predict", str(path), *options, "--url", server.url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{path}: ")


@pytest.mark.parametrize("name", ["missing.npy", "missing*.npy"])
def test_a_file_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, name: str
) -> None:
    """Also where a pattern matches nothing."""
    assert main(["predict", name, "--url", server.url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name}: no ")


def test_output_may_be_csv(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, series: NDArray[np.float64], tmp_path: Path
) -> None:
    """With a row of names; sets of labels and warnings are joined by bars."""
    series[1] = 5.0
    np.save(tmp_path / "a.npy", series)
    assert main(["predict", str(tmp_path / "a.npy"), "--format", "csv", "--url", server.url]) == 0
    found = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["row"] for row in found] == ["1", "2", "3", "4"]
    assert "flat" in found[1]["warnings"].split("|")
    assert float(found[0]["probability_-1"]) + float(found[0]["probability_1"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output", "out.txt"], "out.txt: name it .csv, .ndjson or .parquet, or give --format"),
        (["--format", "parquet"], "Parquet is not written to standard output; give --output FILE"),
        (["--output", "nowhere/out.csv"], "nowhere/out.csv.parts: cannot be written (No such file"),
    ],
)
def test_an_output_that_is_impossible_is_one_line(
    capsys: pytest.CaptureFixture[str],
    server: ServerProcess,
    series: NDArray[np.float64],
    tmp_path: Path,
    arguments: list[str],
    said: str,
) -> None:
    """Before anything is scored."""
    pytest.importorskip("pyarrow")
    np.save(tmp_path / "a.npy", series)
    assert main(["predict", str(tmp_path / "a.npy"), *arguments, "--url", server.url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(said)


@pytest.mark.parametrize("options", [(), ("--windows",)], ids=["series", "windows"])
def test_an_output_that_is_no_regular_file_stays(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """A rename would remove it: as root, `/dev/null` itself."""
    np.save(tmp_path / "a.npy", np.zeros((1, 500)))
    output = tmp_path / "out.csv"
    os.mkfifo(output)
    arguments = [str(tmp_path / "a.npy"), *options, "--output", str(output), "--url", server.url]
    assert main(["predict", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{output}: cannot be written (not a regular file)"
    assert output.is_fifo()


def on_terminal(*arguments: str) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "app", *arguments], cwd=ROOT, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux says that the other side is closed
                break
            parts.append(part)
        assert process.stderr is not None
        err = process.stderr.read()
    os.close(ours)
    assert process.returncode == 0, err
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_a_terminal_gets_a_table(
    server: ServerProcess, series: NDArray[np.float64], labels: list[str], tmp_path: Path
) -> None:
    """Without colours, in columns."""
    np.save(tmp_path / "a.npy", series)
    header, *rows = on_terminal("predict", str(tmp_path / "a.npy"), "--url", server.url).splitlines()
    assert header.split()[:3] == ["label", "probability_-1", "probability_1"]
    assert [row.split()[0] for row in rows] == labels


def test_only_a_terminal_gets_colours() -> None:
    """What Rich draws for people is plain text for programs."""
    shown = on_terminal("artifact", "list", "model_artifacts/forda")
    done = subprocess.run(
        [sys.executable, "-m", "app", "artifact", "list", "model_artifacts/forda"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "served" in shown
    assert "served" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stdout.isascii()
