"""The artifact in this repository: it keeps what its card states, on the real test series."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from app.contract import open_artifact
from app.series.offset import narrow
from app.series.precision import COARSE
from training.artifact.export import largest_difference, run_keras, run_openvino
from training.artifact.seal import verify
from training.config import TrainingConfig, config_from
from training.data.sources import load_dataset
from training.evaluation.accuracy import views
from training.report.report import METRICS

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
            labels = answers[:, : contract.classes].argmax(axis=1)
            accuracy = float((labels == dataset.test_targets).mean())
            assert accuracy == pytest.approx(contract.metrics[METRICS[view]], abs=1.5 / len(dataset.test))


def test_the_committed_artifacts_sets_have_the_stated_coverage() -> None:
    """With the sealed thresholds, the coverage is that of the metrics, and at least the level."""
    artifact = open_artifact(COMMITTED)
    contract, trust = artifact.contract, artifact.contract.trust
    assert trust is not None
    dataset = load_dataset(TrainingConfig())
    answers = run_keras(artifact.model_path, views(dataset.test)["stored"])
    likelihood = answers[np.arange(len(answers)), dataset.test_targets]
    known = answers[:, -1] <= trust.novelty.threshold
    for level, name in {"0.9": "coverage_90", "0.95": "coverage_95", "0.99": "coverage_99"}.items():
        covered = float(np.mean((likelihood >= trust.label_sets.thresholds[level]) & known))
        assert covered == pytest.approx(contract.metrics[name], abs=1.5 / len(answers))
        assert covered >= float(level) - 0.02


def test_the_committed_artifact_is_good_and_small() -> None:
    """Its accuracy is at least 97 %, stored and rounded, with at most 100,000 weights."""
    contract = open_artifact(COMMITTED).contract
    assert contract.metrics["accuracy"] >= 0.97
    assert contract.metrics["accuracy_rounded_2_decimals"] >= 0.97
    assert contract.metrics["ood_auroc"] >= 0.98
    assert contract.metrics["accuracy"] - contract.metrics["accuracy_uniform_attention"] > 0.01
    assert contract.parameters <= 100_000


def test_the_committed_artifact_comes_from_the_defaults() -> None:
    """Its configuration is that of the job without options, and it gives its golden answers."""
    artifact = open_artifact(COMMITTED)
    config = config_from(artifact.contract.provenance.config)
    # What the job decides by itself, and what only adds to the report.
    usual = dataclasses.replace(TrainingConfig(), tokens="spectrum", resamples=config.resamples)
    assert config == usual
    assert max(verify(artifact.folder).values()) < 1e-4


@pytest.mark.parametrize(
    ("step", "least", "most"), [(0.001, 0.0, 0.01), (0.002, 0.02, 0.1), (0.004, 0.1, 0.5)]
)
def test_a_series_on_coarse_steps_gets_other_answers(step: float, least: float, most: float) -> None:
    """The fraction of probabilities that change by more than 0.1 justifies the limit of `precision_lost`."""
    artifact = open_artifact(COMMITTED)
    graph = artifact.derived("openvino")
    assert graph is not None
    assert 0.001 < COARSE < 0.002
    series = load_dataset(TrainingConfig()).test
    fine, coarse = (
        run_openvino(graph[0], narrow(values).series)[:, : artifact.contract.classes]
        for values in (series, np.round(series / step) * step)
    )
    moved = float(np.mean(np.abs(coarse - fine).max(axis=1) > 0.1))
    assert least <= moved <= most
