"""Other data sets are trained by the same job and served by the same service."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.client import Client
from app.contract import Contract, open_artifact
from qa.harness.server import running_server
from tests.conftest import ROOT
from tests.training.full_models import probabilities
from training.artifact.seal import golden_series
from training.config import TrainingConfig
from training.data.dataset_size import limit_dataset
from training.data.sources import load_dataset
from training.fit.checkpoint import hold_run
from training.fit.cross_validation import Progress
from training.job import resolve_auto, run
from training.studies.archive import PUBLISHED, Trainings, comparison_table, contracts, main

# With so few series none of a class could be held out but in folds, which are stratified by class.
MOST_CLASSES = "Adiac"


@pytest.mark.usefixtures("no_pictures", "eager_fits")
def test_a_data_set_is_trained_and_served(tiny: Callable[..., TrainingConfig]) -> None:
    """A short run on its real files makes an artifact that a real server verifies and serves."""
    config = tiny(dataset=MOST_CLASSES, name=None, tokens="auto", epochs=1, limit=60, folds=2)
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
    assert info["contract"]["provenance"]["dataset"] == MOST_CLASSES
    assert contracts(Path(config.out)) == {MOST_CLASSES: artifact.contract}


@pytest.mark.parametrize("name", sorted(PUBLISHED.keys() - {MOST_CLASSES}))
def test_each_data_set_can_be_trained(
    tiny: Callable[..., TrainingConfig], untrained: Callable[..., Any], name: str
) -> None:
    """Its real files are enough for a run, whose model, not yet fitted, gives probabilities of its classes.

    `make archive` trains them all.
    """
    config = tiny(dataset=name, tokens="auto", limit=60, folds=0)
    dataset = limit_dataset(load_dataset(config), config)
    config = resolve_auto(config, dataset, Progress(lambda _: None))
    assert len(dataset.train) <= 60
    answers = probabilities(untrained(config, dataset), golden_series(dataset)[..., np.newaxis])
    assert answers.shape == (16, len(dataset.labels))
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_the_table_has_ours_beside_the_published(artifact_contract: Contract) -> None:
    """A row has length, classes and tokens from the contract, our accuracies and the published ones."""
    row = comparison_table({"Fish": artifact_contract}).splitlines()[-1]
    metrics = artifact_contract.metrics
    assert row.startswith("| Fish | 500 | 2 |")
    assert f"| {100 * metrics['accuracy']:.1f} | {100 * metrics['accuracy_rounded_2_decimals']:.1f} |" in row
    assert "| 98.3 | 98.3 |" in row


@pytest.fixture
def artifact_contract(root: Path) -> Contract:
    """The contract of the committed artifact."""
    return open_artifact(root / "model_artifacts" / "forda").contract


def test_two_at_once_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second run is refused before it trains anything, and names the first process."""
    out = tmp_path / "archive"
    with hold_run(out):
        assert main(["--out", str(out)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {out}: in use by process {os.getpid()} on ")
    assert list(tmp_path.iterdir()) == []


def test_after_a_stop_nothing_is_started(tmp_path: Path) -> None:
    """A training that waits when the others are stopped is not started."""
    trainings = Trainings(tmp_path, [])
    trainings.stop()
    assert trainings.train("Fish") == "Fish"
    assert list(tmp_path.iterdir()) == []


def test_stopping_it_stops_its_trainings(tmp_path: Path) -> None:
    """SIGTERM for the command stops its trainings, too: one line each, no traceback, no partial file."""
    with socket.create_server(("127.0.0.1", 0)) as address:
        address.settimeout(120)
        url = f"http://127.0.0.1:{address.getsockname()[1]}"
        places = ["--out", str(tmp_path / "out"), "--", "--cache", str(tmp_path), "--download-url", url]
        command = [sys.executable, "-m", "training.studies.archive", "--jobs", "1", *places]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = address.accept()  # the training waits for the answer
            process.terminate()
            error = process.communicate()[1]
            connection.close()
    assert process.returncode == 143
    stopped = "stopped; run the same command again to continue"
    assert [line for line in error.splitlines() if not line.startswith("FordB")] == [stopped, stopped]
    assert list(tmp_path.glob("**/.*")) == []
