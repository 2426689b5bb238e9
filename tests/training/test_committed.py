"""The artifact in this repository: it keeps what its card states, on the real test series."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.contract import open_artifact
from training.config import TrainingConfig, config_from
from training.evaluate import views
from training.export import largest_difference, run_keras, run_openvino
from training.report import METRICS
from training.seal import verify
from training.sources import load_dataset

COMMITTED = Path(__file__).parents[2] / "model_artifacts" / "forda"


def test_the_committed_artifact_keeps_its_promises() -> None:
    """Both runtimes give the stated accuracy on every view of FordA's test set, and agree on each series."""
    artifact = open_artifact(COMMITTED)
    contract = artifact.contract
    graph = artifact.derived("openvino")
    assert graph is not None
    dataset = load_dataset(TrainingConfig())
    assert contract.provenance.data_sha256 == dict(dataset.sha256)
    for view, series in views(dataset.test).items():
        keras_answers = run_keras(artifact.model_path, series)
        openvino_answers = run_openvino(graph[0], series)
        assert largest_difference(keras_answers, openvino_answers) < contract.output.tolerance
        for answers in (keras_answers, openvino_answers):
            accuracy = float((answers.argmax(axis=1) == dataset.test_targets).mean())
            assert accuracy == pytest.approx(contract.metrics[METRICS[view]], abs=1.5 / len(dataset.test))


def test_the_committed_artifact_is_good_and_small() -> None:
    """It has at least 95 % of the test series right, stored and rounded, with at most 100,000 weights."""
    contract = open_artifact(COMMITTED).contract
    assert contract.metrics["accuracy"] >= 0.95
    assert contract.metrics["accuracy_rounded_2_decimals"] >= 0.95
    assert contract.parameters <= 100_000
    assert contract.provenance.training_seconds <= 15 * 60


def test_the_committed_artifact_comes_from_the_defaults() -> None:
    """Its configuration is the one that the job has with no options, and its golden answers hold."""
    artifact = open_artifact(COMMITTED)
    assert config_from(artifact.contract.provenance.config) == TrainingConfig()
    assert max(verify(artifact.folder).values()) < 1e-4
