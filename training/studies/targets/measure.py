"""Measure a sealed artifact again, from its files and the data set."""

from __future__ import annotations

import sys

import numpy as np

from app.contract import Artifact
from training.artifact.export import open_keras
from training.config import config_from
from training.data.sources import load_dataset
from training.data.ucr import Dataset
from training.errors import DataError
from training.evaluation.accuracy import evaluate
from training.evaluation.predictor import predictor
from training.evaluation.trust import evaluate_trust
from training.report.report import ENDINGS
from training.studies.targets.cost import milliseconds_per_call
from training.studies.targets.metrics import ArtifactMetrics

# The options that locate the data; all other options are ignored here.
SOURCES = ("dataset", "train_file", "test_file", "download_url")


def measure(artifact: Artifact) -> ArtifactMetrics:
    """Measure an artifact; what cannot be measured again comes from its contract.

    Raises:
        ArtifactError: `model.keras` cannot be loaded.
        DataError: the data set is missing, or is not the one that the artifact was made from.
    """
    contract = artifact.contract
    dataset = _dataset_of(artifact)
    model = open_keras(artifact.model_path)
    predict = predictor(model)
    evaluation = evaluate(predict, dataset)
    trust = evaluate_trust(model, predict, contract.trust, evaluation, dataset) if contract.trust else None
    graph = artifact.derived("openvino")
    return ArtifactMetrics(
        evaluation=evaluation,
        trust=trust,
        resamples=_resamples(artifact),
        resample_count=int(str(contract.provenance.config.get("resamples", 0))),
        training_seconds=contract.provenance.training_seconds,
        parameters=int(model.count_params()),
        milliseconds=milliseconds_per_call(graph[0], dataset.test.astype(np.float32)) if graph else None,
    )


def _dataset_of(artifact: Artifact) -> Dataset:
    provenance = artifact.contract.provenance
    given = {name: value for name, value in provenance.config.items() if name in SOURCES}
    dataset = load_dataset(config_from(given), progress=sys.stderr)
    if dict(dataset.sha256) != provenance.data_sha256:
        raise DataError(
            f"{provenance.dataset}: not the files that the artifact was made from (SHA-256 differs); "
            "replace them with the original files"
        )
    return dataset


def _resamples(artifact: Artifact) -> dict[str, float] | None:
    metrics = artifact.contract.metrics
    names = {view: f"resamples_mean_accuracy{ending}" for view, ending in ENDINGS.items()}
    if not all(name in metrics for name in names.values()):
        return None
    return {view: metrics[name] for view, name in names.items()}
