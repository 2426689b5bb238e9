"""The steps of a run after its data is read: fits, trust, evaluation, report, seal."""

from __future__ import annotations

import dataclasses
import platform
import shlex
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from app.contract import DriftReference, Provenance, Trust, check_private_key
from app.series.offset import narrow
from training.artifact.seal import ContractDetails, seal
from training.config import TrainingConfig, config_from, flag
from training.data.dataset_size import limit_dataset
from training.data.descriptions import describe_labels
from training.data.split import split
from training.data.ucr import Dataset
from training.evaluation.accuracy import evaluate
from training.evaluation.calibrate import fit_temperature, measure_trust
from training.evaluation.drift import ViewOutputs, measure_drift
from training.evaluation.explanation import ExplanationMeasurement, measure_explanation
from training.evaluation.neighbours import make_index, vote_accuracies
from training.evaluation.predictor import predictor
from training.evaluation.resample import resampled_accuracies
from training.evaluation.trust import EXPECTED_VIEWS, evaluate_trust
from training.fit.cross_validation import HeldOut, Progress, close_runs, cross_fit, fit_all, hold_out
from training.fit.inputs import FitInputs, choose_tokens, expected_views
from training.fit.result import TrainingResult
from training.model.sealed import build_trusted, with_embedding
from training.report.report import Report, metrics_of
from training.report.write import write_report

LIBRARIES = ("keras", "tensorflow", "openvino", "scikit-learn", "numpy")
# They do not change what a run fits, so a run may continue with other values.
_LOCATIONS = ("data", "train_file", "test_file", "cache", "download_url", "out", "runs", "run")
_AFTER_FITS = ("neighbours", "explained")


def run(config: TrainingConfig, dataset: Dataset, progress: Progress) -> Path:
    """Train, evaluate and seal; continue a killed run of the same configuration.

    Args:
        config: the options of the run.
        dataset: from `load_dataset`, for the same configuration.
        progress: gets a line for each step.

    Returns:
        The new version folder.

    Raises:
        TrainingError: one line about the problem with the run's folder or the result.
        ArtifactError: the key of `sign_key` cannot be used.
    """
    log = progress.log
    sign_key = Path(config.sign_key) if config.sign_key else None
    config = dataclasses.replace(config, sign_key=None)  # where the key is belongs in no card and no contract
    if sign_key is not None:
        check_private_key(sign_key)
    dataset = limit_dataset(dataset, config)
    log(
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.test):,} test series of "
        f"{dataset.length} values, classes {', '.join(dataset.labels)}"
    )
    command = command_of(config)
    config = resolve_auto(config, dataset, progress)
    log(f"{config.model}; run folder {config.run_folder}")
    trained = train(config, dataset, progress)
    model, fingerprint = trained.model, run_fingerprint(config, dataset)
    resamples = resampled_accuracies(
        dataset, config, folder=config.run_folder, fingerprint=fingerprint, progress=progress
    )
    index = make_index(model, dataset, config.neighbours)
    log(f"{model.count_params():,} parameters; evaluating on the test series")
    predict = predictor(model)
    evaluation = evaluate(predict, dataset)
    began = time.perf_counter()
    explanation = explain(trained, config, dataset)
    if explanation is not None:
        seconds = time.perf_counter() - began
        number = explanation.perturbations.series
        log(f"explanations measured on {number} held-out training series in {seconds:.0f} s")
    report = Report(
        config=config,
        dataset=dataset,
        trained=trained,
        evaluation=evaluation,
        trust=evaluate_trust(model, predict, trained.trust, evaluation, dataset) if trained.trust else None,
        resamples=resamples,
        neighbours=None if index is None else index.spec,
        labels=describe_labels(dataset.name, dataset.labels),
        versions={"Python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        command=command,
        explanation=explanation,
    )
    for name, value in metrics_of(report).items():
        log(f"{name.replace('_', ' ')}: {value:.2%}")
    folder = seal(
        model,
        dataset,
        _contract_details(report),
        out=Path(config.out),
        write_report=lambda partial: write_report(report, partial),
        index=index,
        sign_key=sign_key,
    )
    close_runs(config.run_folder)
    return folder


def train(config: TrainingConfig, dataset: Dataset, progress: Progress) -> TrainingResult:
    """All fits of a run except those to resamples; `config` comes from `resolve_auto`."""
    fit_inputs, folder, fingerprint = (
        FitInputs(dataset, config),
        config.run_folder,
        run_fingerprint(config, dataset),
    )
    if config.folds:
        held_out, states = cross_fit(fit_inputs, folder=folder, fingerprint=fingerprint, progress=progress)
        fitted = fit_all(fit_inputs, folder=folder, fingerprint=fingerprint, progress=progress)
    else:
        fitted, measured = hold_out(fit_inputs, folder=folder, fingerprint=fingerprint, progress=progress)
        if measured is None:
            return TrainingResult(with_embedding(fitted.model), None, 1.0, (fitted.state,), None)
        held_out, states = measured, []
    temperature = fit_temperature(held_out.logits, held_out.targets)
    trust, accuracy, drift = _trust(fit_inputs, held_out, temperature)
    model = build_trusted(
        fitted.model,
        config,
        length=dataset.length,
        temperature=temperature,
        novelty=fit_inputs.novelty(np.arange(len(dataset.train))),
    )
    votes = vote_accuracies(held_out.votes)
    return TrainingResult(
        model,
        trust,
        temperature,
        (fitted.state, *states),
        accuracy,
        last=held_out.last,
        votes=votes,
        drift=drift,
    )


def explain(
    trained: TrainingResult, config: TrainingConfig, dataset: Dataset
) -> ExplanationMeasurement | None:
    """How to explain predictions, measured with a model on series that it was not fitted to."""
    if trained.last is None:  # a reference model was fitted to all but these
        model, fraction = trained.model, config.validation_fraction
        _, held_out = split(dataset.train_targets, fraction=fraction, seed=config.seed)
    else:
        last, held_out = trained.last, trained.last.held_out
        model = build_trusted(
            last.classifier,
            config,
            length=dataset.length,
            temperature=trained.temperature,
            novelty=last.novelty,
        )
    series = narrow(dataset.train).series
    return measure_explanation(
        predictor(model),
        series[held_out],
        series,
        threshold=trained.trust.novelty.threshold if trained.trust else None,
        most=config.explained,
    )


def resolve_auto(config: TrainingConfig, dataset: Dataset, progress: Progress) -> TrainingConfig:
    """The configuration with `tokens="auto"` replaced by the choice that cross-validates better."""
    if config.model != "transformer" or config.tokens != "auto":
        return config
    tokens, scores = choose_tokens(FitInputs(dataset, config))
    accuracies = ", ".join(f"{name} {score:.1%}" for name, score in scores.items())
    progress.log(
        f"tokens: {tokens} (accuracy of an SVM, cross-validated on the training series: {accuracies})"
    )
    return dataclasses.replace(config, tokens=tokens)


def command_of(config: TrainingConfig) -> str:
    """The command line of a configuration: the options that differ from the model's recipe."""
    recipe = config_from({"model": config.model}).as_json()
    words = ["python", "-m", "training"]
    for name, value in config.as_json().items():
        if name == "model" and value != TrainingConfig().model:
            words += [flag(name), value]
        elif value != recipe[name]:
            words += [flag(name), *(map(str, value) if isinstance(value, list) else [str(value)])]
    return shlex.join(words)


def run_fingerprint(config: TrainingConfig, dataset: Dataset) -> dict[str, Any]:
    """What identifies a run: the options of its fits, and the SHA-256 of its data."""
    left_out = {*_LOCATIONS, *_AFTER_FITS}
    options = {name: value for name, value in config.as_json().items() if name not in left_out}
    return options | {"data_sha256": dict(dataset.sha256)}


def _trust(
    fit_inputs: FitInputs, held_out: HeldOut, temperature: float
) -> tuple[Trust, float, DriftReference | None]:
    logits = (held_out.logits / temperature).astype(np.float64)
    probabilities = softmax(logits, axis=1).astype(np.float32)
    trust = measure_trust(
        probabilities, held_out.targets, held_out.novelty, views=expected_views(fit_inputs.series)
    )
    accuracy = float(np.mean(probabilities.argmax(axis=1) == held_out.targets))
    views = {}
    for number, name in enumerate(EXPECTED_VIEWS):
        rows = held_out.views == number
        series = expected_views(fit_inputs.series[held_out.indices[rows]])[number]
        views[name] = ViewOutputs(series, probabilities[rows], held_out.novelty[rows])
    return trust, accuracy, measure_drift(views, trust)


def _contract_details(report: Report) -> ContractDetails:
    config, dataset, trained = report.config, report.dataset, report.trained
    return ContractDetails(
        name=config.artifact_name,
        description=f"{dataset.name}: {config.model} with {trained.model.count_params():,} parameters",
        labels=report.labels,
        trust=trained.trust,
        perturbations=report.explanation.perturbations if report.explanation else None,
        drift=trained.drift,
        metrics=metrics_of(report),
        provenance=Provenance(
            dataset=dataset.name,
            data_sha256=dict(dataset.sha256),
            config=config.as_json(),
            seed=config.seed,
            versions=dict(report.versions),
            training_seconds=round(report.training_seconds, 1),
        ),
    )
