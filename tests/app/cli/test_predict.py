"""`python -m app predict` on files as people have them."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from app.cli.predicting.agreement import agreeing, agreement_text
from app.contract import Artifact
from app.series.readers import MISSING, UNEQUAL
from qa.harness.server import ServerProcess
from tests.app.series.written import joined, npz, rows_of
from training.data.sources import package_folder


def predict(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, *arguments: str
) -> tuple[list[str], str]:
    """The labels that the command prints, and what it says on standard error; it must succeed."""
    code = main(["predict", *arguments, "--url", server.url])
    out, err = capsys.readouterr()
    assert code == 0, err
    return [json.loads(line)["label"] for line in out.splitlines()], err


def test_a_file_of_the_archive_is_predicted_and_compared(
    capsys: pytest.CaptureFixture[str], server: ServerProcess
) -> None:
    """More series than a request takes; their labels are not sent, and what agrees with them is counted."""
    folder = package_folder()
    assert folder is not None
    path = folder / "FordA_TEST.tsv"
    labels, err = predict(capsys, server, str(path))
    wanted = [line.partition("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()]
    agreed = sum(one == other for one, other in zip(labels, wanted, strict=True))
    assert len(labels) > 256
    assert err.startswith(f"{agreed:,} of 1,320 labels agree: {100 * agreed / 1320:.1f} % (95 % interval: ")
    assert agreed >= 1290


@pytest.mark.parametrize("name", ["a.csv", "a.tsv.gz", "a.npz"])
def test_other_formats_get_the_same_answers(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact, tmp_path: Path, name: str
) -> None:
    """Text, packed text and arrays with labels in whatever spelling."""
    series = artifact.golden.series[:3].astype(np.float64)
    names = [label.name for label in artifact.contract.labels]
    right = [names[i] for i in artifact.golden.probabilities[:3].argmax(axis=1)]
    wrong_first = [
        f"{float(names[1 - names.index(right[0])])}",
        *(f"{float(label):e}" for label in right[1:]),
    ]
    content = {
        "a.csv": joined(rows_of(wrong_first, series), ",", end="\r\n"),
        "a.tsv.gz": gzip.compress(joined(rows_of(wrong_first, series), "\t")),
        "a.npz": npz(X=series, y=np.array([float(label) for label in wrong_first])),
    }[name]
    (tmp_path / name).write_bytes(content)
    assert predict(capsys, server, str(tmp_path / name)) == (
        right,
        "2 of 3 labels agree: 66.7 % (95 % interval: 20.8 to 93.9 %)\n",
    )


def test_rows_without_labels_are_sent_whole(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact, tmp_path: Path
) -> None:
    """With `--no-labels` the first field is a value, and nothing is compared."""
    path = tmp_path / "a.csv"
    np.savetxt(path, artifact.golden.series[:2], delimiter=",")
    labels, err = predict(capsys, server, str(path), "--no-labels")
    assert (len(labels), err) == (2, "")


def test_a_value_that_was_taken_for_a_label_is_reported(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact, tmp_path: Path
) -> None:
    """A file without labels is one value short, and the option for it is named."""
    rows = [list(map(repr, row)) for row in artifact.golden.series[:2].tolist()]
    (tmp_path / "a.csv").write_bytes(joined(rows, ","))
    assert main(["predict", str(tmp_path / "a.csv"), "--url", server.url]) == 1
    error = capsys.readouterr().err
    assert "499 values; the model takes 500" in error
    assert "--no-labels" in error


def test_constant_series_are_sent(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact, tmp_path: Path
) -> None:
    """Only training refuses them; the server's answer has a warning."""
    np.save(tmp_path / "a.npy", np.full((1, artifact.contract.input.length), 5.0))
    assert len(predict(capsys, server, str(tmp_path / "a.npy"))[0]) == 1


def test_gaps_and_short_series_are_treated_if_requested(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact, tmp_path: Path
) -> None:
    """Padding goes to the length of the model that the server serves."""
    series = artifact.golden.series[:2].astype(np.float64)
    series[0, 100] = np.nan
    path = tmp_path / "a.tsv"
    path.write_bytes(joined([row[: 490 + i] for i, row in enumerate(rows_of(["1", "1"], series))], "\t"))
    options = ["--missing", "interpolate", "--unequal", "pad"]
    assert len(predict(capsys, server, str(path), *options)[0]) == 2
    for given, said in (
        (options[:2], "row 1: 489 values; the model takes 500; cut it, or give --unequal pad"),
        (options[2:], "row 1: value 101 is missing; fill it in, or give --missing interpolate"),
    ):
        assert main(["predict", str(path), *given, "--url", server.url]) in {1, 3}
        assert said in capsys.readouterr().err.splitlines()[0]


def test_a_row_that_cannot_be_scored_is_reported_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact, tmp_path: Path
) -> None:
    """With its file and row; the counts are exact, and the exit code says that it was not all."""
    rows = [list(row) for row in rows_of(["1"] * 5, artifact.golden.series[:5].astype(np.float64))]
    rows[1][7], rows[3] = "x", rows[3][:-1]
    path = tmp_path / "a.tsv"
    path.write_bytes(joined(rows, "\t"))
    assert main(["predict", str(path), "--url", server.url]) == 3
    out, err = capsys.readouterr()
    assert [json.loads(line)["row"] for line in out.splitlines()] == [1, 3, 5]
    first, second, _, last = err.splitlines()
    assert first == f"{path}: row 2: value 7 is 'x', not a number; write a number there"
    assert second.startswith(f"{path}: row 4: 499 values; the model takes 500")
    assert last == "3 series scored, 2 rows could not be scored"


def test_a_file_that_cannot_be_read_is_one_line(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact, tmp_path: Path
) -> None:
    """Alone it ends the command; among others it is reported, and they go on."""
    bad, good = tmp_path / "a.npy", tmp_path / "b.npy"
    bad.write_bytes(b"\x93NUMPY")
    np.save(good, artifact.golden.series[:2])
    assert main(["predict", str(bad), "--url", server.url]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        f"{bad}: a damaged .npy file: 'EOF: reading magic string, expected 8 bytes got 6'; save it again\n",
    )
    assert main(["predict", str(tmp_path / "*.npy"), "--url", server.url]) == 3
    out, err = capsys.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(good)] * 2
    assert err.splitlines()[-1] == "2 series scored, 0 rows could not be scored; 1 files could not be read"


def test_the_commands_choices_are_the_readers(capsys: pytest.CaptureFixture[str]) -> None:
    """They are written twice, so that a health check does not import numpy, and are the same."""
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    text = capsys.readouterr().out
    for option, choices in (("--missing", MISSING), ("--unequal", UNEQUAL)):
        assert f"{option} {{{','.join(choices)}}}" in text


def test_abstentions_agree_with_no_label() -> None:
    """A prediction without a label counts, and agrees with none."""
    agreed = agreeing(["1.0", None, "-1"], ["1", "-1", "1"])
    assert agreement_text(agreed, 3) == "1 of 3 labels agree: 33.3 % (95 % interval: 6.1 to 79.2 %)"


def test_labels_that_are_none_of_the_models_are_reported(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact, tmp_path: Path
) -> None:
    """As where they are in the last column: then all values are one place further on, and answers wrong."""
    series = artifact.golden.series[:2].astype(np.float64)
    path = tmp_path / "a.csv"
    path.write_bytes(joined([[*map(str, values), "1"] for values in series.tolist()], ","))
    labels, err = predict(capsys, server, str(path))
    assert len(labels) == 2
    assert err.startswith(f"none of the labels, such as '{series[0, 0]}', is one of the model's ('-1, 1'): ")


@pytest.mark.parametrize(
    ("reader", "ended"),
    [("/dev/full", (1, "standard output: cannot be written (No space left on device)\n")), ("", (141, ""))],
)
def test_an_output_that_takes_no_more_ends_the_command(
    server: ServerProcess, artifact: Artifact, tmp_path: Path, reader: str, ended: tuple[int, str]
) -> None:
    """A full disk with a line, and a program that read enough, as `head` does, quietly."""
    np.save(tmp_path / "a.npy", artifact.golden.series)
    command = [sys.executable, "-m", "app", "predict", str(tmp_path / "a.npy"), "--url", server.url]
    if reader:
        output = os.open(reader, os.O_WRONLY)
    else:
        unread, output = os.pipe()
        os.close(unread)
    try:
        done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(output)
    assert (done.returncode, done.stderr) == ended
