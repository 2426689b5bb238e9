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
from app.client.predict_file import Agreement
from app.client.schemas import Prediction
from app.contract import Artifact
from app.series.readers import MISSING, UNEQUAL
from qa.harness.server import ServerProcess, free_port
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


def test_gaps_and_short_series_are_treated_where_asked_for(
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
        (options[:2], "or give --unequal pad"),
        (options[2:], "or give --missing interpolate"),
    ):
        assert main(["predict", str(path), *given, "--url", server.url]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith(said)


def test_what_cannot_be_read_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Before anything is sent: no server listens there."""
    path = tmp_path / "a.tsv"
    path.write_text("1\t5\t6\n1\t5\tx\n", encoding="utf-8")
    url = f"http://127.0.0.1:{free_port()}"
    assert main(["predict", str(path), "--url", url]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{path}: row 2: value 2 is 'x', not a number; write a number there\n"
    assert main(["predict", str(path), "--url", url, "--unequal", "pad"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{url}/model: [Errno 111] Connection refused"


def test_the_commands_choices_are_the_readers(capsys: pytest.CaptureFixture[str]) -> None:
    """They are written twice, so that a health check does not import numpy, and are the same."""
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    text = capsys.readouterr().out
    for option, choices in (("--missing", MISSING), ("--unequal", UNEQUAL)):
        assert f"{option} {{{','.join(choices)}}}" in text


def test_abstentions_agree_with_no_label() -> None:
    """A prediction without a label counts, and agrees with none."""
    agreement = Agreement(("1", "-1", "1"))
    for label in ("1.0", None, "-1"):
        agreement.count(Prediction(label=label, probabilities={"-1": 0.5, "1.0": 0.5}))
    assert str(agreement) == "1 of 3 labels agree: 33.3 % (95 % interval: 6.1 to 79.2 %)"


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
    ("reader", "reason"), [("/dev/full", "No space left on device"), ("", "Broken pipe")]
)
def test_an_output_that_takes_no_more_is_one_line(
    server: ServerProcess, artifact: Artifact, tmp_path: Path, reader: str, reason: str
) -> None:
    """A full disk, and a program that read enough, as `head` does."""
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
    assert (done.returncode, done.stderr) == (1, f"standard output: cannot be written ({reason})\n")
