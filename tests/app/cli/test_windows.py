"""`predict --windows`: recordings longer than the model's series."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.cli import main
from app.contract import Artifact
from qa.harness.server import ServerProcess


@pytest.fixture
def recording(artifact: Artifact) -> NDArray[np.float64]:
    """Eight golden series of one label, then eight of the other."""
    series = artifact.golden.series.astype(np.float64)
    return np.concatenate([series[0::2].ravel(), series[1::2].ravel()])


@pytest.mark.parametrize("name", ["a.npy", "a.csv", "a.txt.gz", "a.ndjson", "a.npz", "a.parquet"])
def test_a_recording_in_any_format_gets_windows_and_a_timeline(
    capsys: pytest.CaptureFixture[str],
    server: ServerProcess,
    recording: NDArray[np.float64],
    tmp_path: Path,
    name: str,
) -> None:
    """A line for each window, and the timeline last."""
    path, lines = tmp_path / name, "\n".join(map(repr, recording.tolist()))
    options: tuple[str, ...] = ()
    if name == "a.npy":
        np.save(path, recording)
    elif name == "a.npz":
        np.savez(path, values=recording)
    elif name == "a.csv":
        rows = "\n".join(f"{place},{value!r}" for place, value in enumerate(recording.tolist()))
        path.write_text(f"time,volts\n{rows}\n")
        options = ("--columns", "volts")
    elif name == "a.parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table({"t": np.arange(len(recording)), "v": recording}), path)
        options = ("--columns", "v")
    elif name == "a.ndjson":
        path.write_text("\n".join(f"[{value!r}]" for value in recording.tolist()))
    else:
        path.write_bytes(gzip.compress(lines.encode()))
    assert main(["predict", "--windows", "--stride", "250", str(path), *options, "--url", server.url]) == 0
    *windows, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["start"] for line in windows] == list(range(0, len(recording) - 499, 250))
    (change,) = last["timeline"]["changes"]
    assert (change["before"], change["after"]) == ("-1", "1")
    assert change["low"] <= len(recording) / 2 <= change["high"]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_windows_go_to_a_file_and_the_timeline_to_a_picture(
    capsys: pytest.CaptureFixture[str],
    server: ServerProcess,
    recording: NDArray[np.float64],
    tmp_path: Path,
    name: str,
) -> None:
    """Then standard output has the timeline alone."""
    np.save(tmp_path / "a.npy", recording)
    output, plot = tmp_path / name, tmp_path / "plot.png"
    arguments = ["--windows", str(tmp_path / "a.npy"), "--output", str(output), "--plot", str(plot)]
    assert main(["predict", *arguments, "--url", server.url]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["timeline"]["windows"] == len(recording) // 500
    assert plot.read_bytes().startswith(b"\x89PNG")
    if name == "out.csv":
        assert len(output.read_text().splitlines()) == 1 + len(recording) // 500
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        assert parquet.read_table(output)["start"].to_pylist() == list(range(0, len(recording), 500))


def test_the_timeline_is_text_for_people(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, recording: NDArray[np.float64], tmp_path: Path
) -> None:
    """Segments, and changes with their intervals; a recording at half the rate is resampled."""
    np.save(tmp_path / "a.npy", np.repeat(recording, 2))
    rates = ("--rate", "1000", "--model-rate", "500", "--format", "table")
    assert main(["predict", "--windows", str(tmp_path / "a.npy"), *rates, "--url", server.url]) == 0
    out = capsys.readouterr().out
    assert out.startswith("start    end  label  probability  windows\n")
    assert "-1 -> 1 at " in out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("1\n2\nx\n", "a.txt: row 3: 'x' is not a number; write numbers, or choose the channels"),
        ("1\n2 3\n", "a.txt: row 2: 2 values, but the rows before have 1"),
        ("1\n2\n", "the recording has 2 values; a window of the model has 500"),
        ("1\n" * 600 + "nan\n", "value 600 of the recording is not a finite number"),
        ("", "a.txt: the file is empty"),
    ],
)
def test_what_is_no_recording_is_one_line(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, tmp_path: Path, content: str, said: str
) -> None:
    """It has the place."""
    (tmp_path / "a.txt").write_text(content)
    assert main(["predict", "--windows", str(tmp_path / "a.txt"), "--url", server.url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_plot_without_a_folder_is_one_line(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, recording: NDArray[np.float64], tmp_path: Path
) -> None:
    """Before anything is scored."""
    np.save(tmp_path / "a.npy", recording)
    plot = tmp_path / "nowhere" / "plot.png"
    arguments = ["--windows", str(tmp_path / "a.npy"), "--plot", str(plot), "--url", server.url]
    assert main(["predict", *arguments]) == 1
    assert capsys.readouterr() == ("", f"{plot}: cannot be written (its folder does not exist)\n")


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x"])
def test_a_stride_is_a_whole_number_from_1(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Anything else is a usage error that says so."""
    with pytest.raises(SystemExit):
        main(["predict", "a.npy", "--windows", f"--stride={text}"])
    assert f"argument --stride: {text}: give a whole number from 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.npy", "--stride", "5"],
        ["a.npy", "b.npy", "--windows"],
        ["-", "--windows"],
        ["a.npy", "--windows", "--resume"],
        ["a.npy", "--windows", "--rate", "5"],
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Exit code 2, as of any invalid command line."""
    with pytest.raises(SystemExit) as ended:
        main(["predict", *arguments])
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
