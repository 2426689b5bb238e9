"""A complete report in seconds, of a model that was never fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from app.contract import Label, LabelSets, NoveltySpec, Provenance, Trust, ValueThresholds
from training.artifact.seal import ContractDetails
from training.config import TrainingConfig, config_from
from training.data.descriptions import describe_labels
from training.data.ucr import Dataset
from training.evaluation.accuracy import evaluate
from training.evaluation.calibrate import measure_trust
from training.evaluation.drift import ViewOutputs, measure_drift
from training.evaluation.predictor import predictor
from training.evaluation.trust import EXPECTED_VIEWS, evaluate_trust, novelty_scores
from training.fit.checkpoint import RunState
from training.fit.inputs import FitInputs, expected_views
from training.fit.result import TrainingResult
from training.model.sealed import build_trusted
from training.report.report import Report

OPTIONS = {"windows": (32, 16), "hop": 8, "patch": 4, "width": 8, "heads": 2, "blocks": 2, "feed_forward": 8}
TEMPERATURE = 0.5
TRUST = Trust(
    label_sets=LabelSets(level=0.95, thresholds={"0.95": 0.6}),
    novelty=NoveltySpec(name="novelty", quantiles=(-1.0, 0.0, 1.0), threshold=0.9),
    habits=ValueThresholds(fewest_distinct=10, most_at_extreme=5),
)
# The plots of a model on spectra with trust.
PICTURES = {
    "learning_curve.png",
    "confusion_matrix.png",
    "roc.png",
    "reliability.png",
    "robustness.png",
    "spectra.png",
    "novelty.png",
}


def a_config(**options: Any) -> TrainingConfig:
    """The configuration of a tiny model on spectra, with changes."""
    return config_from({"tokens": "spectrum", "head_units": 8, "epochs": 2} | OPTIONS | options)


def a_history(*, validated: bool) -> list[dict[str, float]]:
    """The entries of two epochs."""
    checked = {"val_loss": 0.6, "val_accuracy": 0.625} if validated else {}
    return [{"loss": loss, "accuracy": 0.5, "seconds": 1.5} | checked for loss in (0.7, 0.65)]


def a_state(*, validated: bool) -> RunState:
    """The state after two epochs."""
    return RunState(history=a_history(validated=validated), best_epoch=2)


def trained(dataset: Dataset, config: TrainingConfig) -> TrainingResult:
    """A model with random weights and the states of its fits; a transformer has trust."""
    fit_inputs = FitInputs(dataset, config)
    rows = np.arange(len(dataset.train))
    classifier = fit_inputs.task(rows).model
    if config.model != "transformer":
        return TrainingResult(classifier, None, 1.0, (a_state(validated=True),), None)
    model = build_trusted(
        classifier, config, length=dataset.length, temperature=TEMPERATURE, novelty=fit_inputs.novelty(rows)
    )
    views = expected_views(fit_inputs.series)
    answers = predictor(model)(np.concatenate(views).astype(np.float32))
    targets = np.tile(dataset.train_targets, len(views))
    trust = measure_trust(answers.probabilities, targets, novelty_scores(answers), views=views)
    parts = zip(views, np.split(answers.probabilities, 2), np.split(novelty_scores(answers), 2), strict=True)
    drift = measure_drift(
        {name: ViewOutputs(*part) for name, part in zip(EXPECTED_VIEWS, parts, strict=True)}, trust
    )
    folds = [a_state(validated=True)] * config.folds
    states = (a_state(validated=not folds), *folds)
    return TrainingResult(model, trust, TEMPERATURE, states, 0.55, drift=drift)


def a_report(dataset: Dataset, *, resamples: int = 0, **options: Any) -> Report:
    """The report of a model with random weights."""
    config = a_config(**options)
    fits = trained(dataset, config)
    predict = predictor(fits.model)
    evaluation = evaluate(predict, dataset)
    trust = evaluate_trust(fits.model, predict, fits.trust, evaluation, dataset) if fits.trust else None
    return Report(
        config=config,
        dataset=dataset,
        trained=fits,
        evaluation=evaluation,
        trust=trust,
        resamples=[{"stored": 0.9 + i / 100, "rounded_2": 0.8 + i / 100} for i in range(resamples)],
        labels=tuple(Label(name=name, meaning=f"class {name}") for name in dataset.labels),
        versions={"keras": "3"},
        command="python -m training",
    )


def contract_details(dataset: Dataset, trust: Trust | None = TRUST) -> ContractDetails:
    """The contract's values for a tiny model."""
    return ContractDetails(
        name="waves",
        description="a test",
        labels=describe_labels(dataset.name, dataset.labels),
        trust=trust,
        metrics={"accuracy": 0.5},
        provenance=Provenance(
            dataset=dataset.name,
            data_sha256=dict(dataset.sha256),
            config={},
            seed=1,
            versions={},
            training_seconds=0.0,
        ),
    )


def a_note(folder: Path) -> list[str]:
    """A report of one file."""
    (folder / "note.txt").write_text("a report", encoding="utf-8")
    return ["note.txt"]
