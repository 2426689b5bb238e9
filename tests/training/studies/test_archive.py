"""Other data sets: the same job trains them, and the same service serves what it seals."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.client import Client
from app.contract import Contract, open_artifact
from qa.harness.server import running_server
from tests.conftest import ROOT
from training.config import TrainingConfig
from training.data.sources import load_dataset
from training.fit.checkpoint import hold_run
from training.fit.cross_validation import Progress
from training.job import run
from training.studies.archive import PUBLISHED, Trainings, as_markdown, contracts, main

MOST_CLASSES = "Adiac"


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_data_set_is_trained_and_served(tiny: Callable[..., TrainingConfig], name: str) -> None:
    """A short run on its real files makes an artifact that a real server proves and answers with."""
    # Folds are dealt out by class: those of the most classes, with one series each, stand for all.
    folds = 2 if name == MOST_CLASSES else 0
    config = tiny(dataset=name, name=None, tokens="auto", epochs=1, limit=60, folds=folds)
    folder = run(config, load_dataset(config), Progress(lambda _: None))
    artifact = open_artifact(folder)
    golden, labels = artifact.golden, [label.name for label in artifact.contract.labels]
    with running_server(ARTIFACT=str(folder)) as server:
        with Client(server.url) as client:
            predictions = client.predict(golden.series)
        info = httpx.get(f"{server.url}/model").json()
    answers = np.array([[p.probabilities[label] for label in labels] for p in predictions])
    np.testing.assert_allclose(answers, golden.probabilities, atol=artifact.contract.output.tolerance)
    assert all(set(p.label_set or []) <= set(labels) for p in predictions)
    assert info["contract"]["provenance"]["dataset"] == name
    assert contracts(Path(config.out)) == {name: artifact.contract}


def test_the_table_has_ours_beside_the_published(artifact_contract: Contract) -> None:
    """A row has length, classes and tokens as sealed, our accuracies, and the two published ones."""
    row = as_markdown({"Fish": artifact_contract}).splitlines()[-1]
    metrics = artifact_contract.metrics
    assert row.startswith("| Fish | 500 | 2 |")
    assert f"| {100 * metrics['accuracy']:.1f} | {100 * metrics['accuracy_rounded_2_decimals']:.1f} |" in row
    assert "| 98.3 | 98.3 |" in row


@pytest.fixture
def artifact_contract(root: Path) -> Contract:
    """The contract of the committed artifact."""
    return open_artifact(root / "model_artifacts" / "forda").contract


def test_two_at_once_do_not_train_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second is told who is at it, before anything is trained."""
    out = tmp_path / "archive"
    with hold_run(out):
        assert main(["--out", str(out)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {out}: in use by process {os.getpid()} on ")
    assert list(tmp_path.iterdir()) == []


def test_what_was_ended_starts_nothing_more(tmp_path: Path) -> None:
    """A training that waited for its turn when the others were stopped is not begun."""
    trainings = Trainings(tmp_path, [])
    trainings.end()
    assert trainings.train("Fish") == "Fish"
    assert list(tmp_path.iterdir()) == []


def test_stopping_it_stops_its_trainings(tmp_path: Path) -> None:
    """SIGTERM for the command alone reaches them too, and their states are kept: one line each, no trace."""
    places = ["--out", str(tmp_path / "out"), "--", "--runs", str(tmp_path / "runs"), "--epochs", "100000"]
    command = [sys.executable, "-m", "training.studies.archive", "--jobs", "1", *places]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("runs/*.lock")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.terminate()
        error = process.communicate()[1]
    assert process.returncode == 143
    stopped = "stopped; run the same command again to continue"
    assert [line for line in error.splitlines() if not line.startswith("FordB")] == [stopped, stopped]
    assert list(tmp_path.glob("**/.*")) == []
