"""`python -m app explain`, against a server whose model looks at the first value of a series alone."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cli import main
from app.client import Client
from app.contract import Artifact
from tests.app.api.served import Served, served
from tests.app.conftest import series
from tests.support.explaining import explaining

FEW = ("--windows", "4", "--bands", "2", "--cells", "2x3")
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def server(plain_artifact: Artifact) -> Iterator[Served]:
    """A server that explains."""
    with served(explaining(plain_artifact)) as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Four series with labels, in rows 1 to 4; the second one has a value that is no number."""
    rows = [["1", *map(str, row)] for row in series(3.0, 0.0, -2.0, 1.0)]
    rows[1][7] = "?"
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Three series."""
    path = tmp_path / "good.npy"
    np.save(path, series(3.0, -2.0, 1.0))
    return path


def run(
    capsys: pytest.CaptureFixture[str], server: Served, *arguments: str, code: int = 0
) -> tuple[str, str]:
    """What the command prints on standard output and on standard error."""
    assert main(["explain", *arguments, "--url", server.url]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def lines(text: str) -> list[dict[str, Any]]:
    """Lines of JSON."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_of_json_is_the_servers_explanation(
    capsys: pytest.CaptureFixture[str], server: Served, good: Path
) -> None:
    """With file and row; the client gets the same."""
    found = lines(run(capsys, server, str(good), *FEW)[0])
    assert [each["row"] for each in found] == [1, 2, 3]
    assert {each["file"] for each in found} == {str(good)}
    with Client(server.url) as client:
        same = client.explain(good, windows=4, bands=2, cells=(2, 3))
    for ours, theirs in zip(found, same, strict=True):
        assert ours == {"file": ours["file"], "row": ours["row"], **theirs.model_dump()}
    assert [each["label"] for each in found] == ["1", "-1", "1"]
    assert len(found[0]["time"]["changes"]) == 4
    assert np.shape(found[0]["cells"]["importances"]) == (2, 3)


def test_rows_are_those_of_the_file(capsys: pytest.CaptureFixture[str], server: Served, file: Path) -> None:
    """Chosen by number; a row that cannot be read is reported, and the exit code says so."""
    out, err = run(capsys, server, str(file), *FEW, code=3)
    assert [each["row"] for each in lines(out)] == [1, 3, 4]
    assert f"{file}: row 2: " in err
    out, _ = run(capsys, server, str(file), *FEW, "--rows", "4,1-2", code=3)
    assert [each["row"] for each in lines(out)] == [1, 4]


@pytest.mark.parametrize("rows", ["0", "x", "3-2", "1,,2", "-1", ""])
def test_rows_that_are_none_are_refused(
    capsys: pytest.CaptureFixture[str], server: Served, file: Path, rows: str
) -> None:
    """One line says what to give."""
    _, err = run(capsys, server, str(file), f"--rows={rows}", code=1)
    assert err == f"--rows {rows}: give rows from 1, such as 3 or 3,7-9\n"


def test_no_row_is_an_error_and_leaves_no_file(
    capsys: pytest.CaptureFixture[str], server: Served, good: Path, tmp_path: Path
) -> None:
    """The name of the output stays free."""
    output = tmp_path / "out.csv"
    _, err = run(capsys, server, str(good), "--rows", "9", "--output", str(output), code=1)
    assert "there is no row to explain" in err
    assert not output.exists()


def test_a_row_of_csv_is_a_region(
    capsys: pytest.CaptureFixture[str], server: Served, good: Path, tmp_path: Path
) -> None:
    """Each has its place in time, in frequency or in both; the file appears when it is complete."""
    output = tmp_path / "out.csv"
    assert run(capsys, server, str(good), *FEW, "--output", str(output)) == ("", "")
    rows = list(csv.DictReader(io.StringIO(output.read_text())))
    assert len(rows) == 3 * (4 + 2 + 6)
    [first, *_] = rows
    assert (first["part"], first["start"], first["low"], first["unlike"]) == ("time", "0.0", "", "")
    assert max(rows[:4], key=lambda row: float(row["importance"])) == first
    cell = rows[4 + 2]
    assert cell["part"] == "cells"
    assert float(cell["end"]) > float(cell["start"])
    assert 0 <= float(cell["low"]) < float(cell["high"]) <= 0.5
    assert {row["label"] for row in rows[12:24]} == {"-1"}


def test_a_table_has_the_most_important_regions(
    capsys: pytest.CaptureFixture[str], server: Served, good: Path
) -> None:
    """In time steps and cycles, or in seconds and hertz; a part that was left out is a dash."""
    options = (
        str(good),
        "--windows",
        "4",
        "--bands",
        "2",
        "--cells",
        "0",
        "--format",
        "table",
        "--rows",
        "1",
    )
    header, line = run(capsys, server, *options)[0].splitlines()
    assert header.split() == ["label", "probability", "unlike", "window", "band", "cell", "file", "row"]
    assert line.split()[:3] == ["1", "0.9526", "-"]
    assert line.split()[-3:] == ["-", str(good), "1"]
    assert "0-187 (" in line
    header, line = run(capsys, server, *options, "--rate", "100")[0].splitlines()
    assert "0-1.87 s (" in line
    assert "Hz (" in line


def test_a_label_is_explained_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], server: Served, good: Path
) -> None:
    """And one that the model does not have is the server's refusal."""
    found = lines(run(capsys, server, str(good), *FEW, "--label", "-1")[0])
    assert {each["label"] for each in found} == {"-1"}
    _, err = run(capsys, server, str(good), "--label", "7", code=1)
    assert "expected a label of the model (-1, 1), got 7" in err


@pytest.mark.parametrize("left_out", ["--windows", "--cells"])
def test_a_picture_is_drawn(
    capsys: pytest.CaptureFixture[str], server: Served, good: Path, tmp_path: Path, left_out: str
) -> None:
    """Of the first series, with what was not left out."""
    pytest.importorskip("matplotlib")
    plot = tmp_path / "a.png"
    run(capsys, server, str(good), *FEW, left_out, "0", "--rows", "2", "--plot", str(plot))
    assert plot.read_bytes().startswith(PNG)


def test_a_picture_that_cannot_be_written_is_named(
    capsys: pytest.CaptureFixture[str], server: Served, good: Path, tmp_path: Path
) -> None:
    """On one line."""
    pytest.importorskip("matplotlib")
    plot = tmp_path / "nowhere" / "a.png"
    _, err = run(capsys, server, str(good), *FEW, "--plot", str(plot), code=1)
    assert err == f"{plot}: cannot be written (No such file or directory)\n"


def test_a_picture_without_matplotlib_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], server: Served, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    _, err = run(capsys, server, str(good), *FEW, "--plot", "a.png", code=1)
    assert "timeseries-server[recordings]" in err


def test_a_model_without_explanations_is_named(
    capsys: pytest.CaptureFixture[str], plain_artifact: Artifact, good: Path
) -> None:
    """And how to get them."""
    with served(plain_artifact) as running:
        _, err = run(capsys, running, str(good), code=1)
    assert err.startswith("forda/4 has no explanations: ")


@pytest.mark.parametrize(
    "options",
    [
        *(("--windows", "-1"), ("--bands", "x"), ("--cells", "4"), ("--cells", "0x4"), ("--rate", "0")),
        *(("--rate", "nan"), ("--format", "parquet")),
    ],
)
def test_an_invalid_option_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], good: Path, options: tuple[str, ...]
) -> None:
    """Exit code 2, before anything is read."""
    with pytest.raises(SystemExit) as info:
        main(["explain", str(good), *options])
    assert info.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_the_format_follows_the_name_of_the_output(
    capsys: pytest.CaptureFixture[str], server: Served, good: Path, tmp_path: Path
) -> None:
    """A name that says nothing needs `--format`."""
    output = tmp_path / "out.ndjson"
    run(capsys, server, str(good), *FEW, "--output", str(output))
    assert len(lines(output.read_text())) == 3
    _, err = run(capsys, server, str(good), *FEW, "--output", str(tmp_path / "out"), code=1)
    assert "name it .csv or .ndjson, or give --format" in err
