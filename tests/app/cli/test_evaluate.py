"""`evaluate`, `info`, `artifact list` and `completion`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from app.cli.evaluation.measure import measure
from app.contract import Artifact, pin
from qa.harness.server import ServerProcess
from tests.app.series.written import joined, npz, rows_of
from tests.support.versions import add_version, damage
from training.data.sources import package_folder


def test_the_archives_test_file_gets_the_cards_figures(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact, tmp_path: Path
) -> None:
    """Accuracy, calibration and coverage are those that training measured; pictures are drawn."""
    folder = package_folder()
    assert folder is not None
    path = str(folder / "FordA_TEST.tsv")
    plots = tmp_path / "plots"
    assert main(["evaluate", path, "--url", server.url, "--json", "--plots", str(plots)]) == 0
    found = json.loads(capsys.readouterr().out)
    metrics = artifact.contract.metrics
    assert found["series"] == np.sum(found["confusion"]) == 1320
    assert found["accuracy"]["value"] == pytest.approx(metrics["accuracy"], abs=0.001)
    assert found["accuracy"]["low"] < found["accuracy"]["value"] < found["accuracy"]["high"]
    error = metrics["expected_calibration_error"]
    assert found["expected_calibration_error"] == pytest.approx(error, abs=0.001)
    assert found["label_sets"]["coverage"]["value"] == pytest.approx(0.9924, abs=0.002)
    assert {each.name for each in plots.iterdir()} == {"confusion_matrix.png", "calibration.png"}
    assert all(each.read_bytes().startswith(b"\x89PNG") for each in plots.iterdir())


def test_text_has_the_same_figures(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact, tmp_path: Path
) -> None:
    """For people, with the confusion matrix; rows that could not be scored are counted."""
    series = artifact.golden.series[:4].astype(np.float64)
    rows = [list(row) for row in rows_of(["1", "1", "7", "-1"], series)]
    rows[1][5] = "x"
    (tmp_path / "a.tsv").write_bytes(joined(rows, "\t"))
    assert main(["evaluate", str(tmp_path / "a.tsv"), "--url", server.url]) == 3
    out, err = capsys.readouterr()
    assert "2 series (2 rows were left out)" in out
    assert "accuracy: " in out
    assert "predicted -1" in out
    assert "row 2: value 5 is 'x', not a number" in err
    assert "label 7: 1 rows left out; the model does not have it" in err


@pytest.mark.parametrize(
    ("labels", "said"),
    [(None, "no labels; give labelled series"), (["a", "b"], "none of the labels, such as 'a'")],
)
def test_without_labels_of_the_model_there_is_one_line(
    capsys: pytest.CaptureFixture[str],
    server: ServerProcess,
    artifact: Artifact,
    tmp_path: Path,
    labels: list[str] | None,
    said: str,
) -> None:
    """It says what to do."""
    series = artifact.golden.series[:2]
    content = npz(X=series) if labels is None else npz(X=series, y=np.array(labels))
    (tmp_path / "a.npz").write_bytes(content)
    assert main(["evaluate", str(tmp_path / "a.npz"), "--url", server.url]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_figures_of_known_predictions() -> None:
    """Of three series, one is wrong, one has both labels in its set, and one is unlike the training data."""
    found = measure(
        np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]),
        np.array([0, 0, 1]),
        classes=("a", "b"),
        label_sets=np.array([[True, False], [True, True], [False, True]]),
        ood_scores=np.array([0.1, 0.5, 0.999]),
        skipped=0,
        model="m",
    )
    assert found.confusion.tolist() == [[1, 1], [0, 1]]
    assert found.accuracy.value == pytest.approx(2 / 3)
    assert found.label_sets is not None
    assert found.label_sets.coverage.value == 1
    assert found.label_sets.single == pytest.approx(2 / 3)
    assert found.unlike_training is not None
    assert found.unlike_training.value == pytest.approx(1 / 3)


def test_info_is_of_a_server_or_an_artifact(
    capsys: pytest.CaptureFixture[str], server: ServerProcess, artifact: Artifact
) -> None:
    """As text and as JSON."""
    assert main(["info", "--url", server.url, "--json"]) == 0
    running = json.loads(capsys.readouterr().out)
    assert main(["info", str(artifact.folder), "--json"]) == 0
    sealed = json.loads(capsys.readouterr().out)
    common = ("name", "version", "length", "channels", "classes")
    assert [running[name] for name in common] == [sealed[name] for name in common]
    assert main(["info", "--url", server.url]) == 0
    assert f"version{' ' * 21}{artifact.contract.version}\n" in capsys.readouterr().out


def test_versions_are_listed(capsys: pytest.CaptureFixture[str], artifact: Artifact, tmp_path: Path) -> None:
    """With the one that is served, which a pin chooses, and damaged ones."""
    for number in (1, 2, 10):
        add_version(tmp_path, number, artifact)
    damage(tmp_path / "10")
    pin(tmp_path, 1)
    assert main(["artifact", "list", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["version"] for row in found] == [1, 2, 10]
    assert [row["state"] for row in found[:2]] == ["served", ""]
    assert found[2]["state"].startswith("damaged: ")
    assert main(["artifact", "list", str(tmp_path / "nowhere")]) == 1
    assert "no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_and_options(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    """For the installed program."""
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name in ("timeseries-server", "evaluate", "checkpoint-rows"):
        assert name in script
