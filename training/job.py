"""The job once its data is read: fits, trust, evaluation, report, seal."""

from __future__ import annotations

import dataclasses
import platform
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from app.contract import Provenance, Trust
from training.artifact.seal import Sealing, seal
from training.config import TrainingConfig, config_from, flag
from training.data.descriptions import labels_of
from training.data.enough import limited
from training.data.ucr import Dataset
from training.evaluation.accuracy import evaluate
from training.evaluation.calibrate import fit_temperature, measure_trust
from training.evaluation.predictor import predictor
from training.evaluation.resample import resampled_accuracies
from training.evaluation.trust import evaluate_trust
from training.fit.cross_validation import HeldOut, Progress, cross_fit, fit_all, forget, hold_out
from training.fit.inputs import FitInputs, choose_tokens, known_views
from training.fit.result import Trained
from training.model.sealed import build_trusted
from training.report.report import Report, metrics_of
from training.report.write import write_report

LIBRARIES = ("keras", "tensorflow", "openvino", "scikit-learn", "numpy")
# Where things are does not change what a run computes, so a continued run may differ in these.
PLACES = ("data", "train_file", "test_file", "cache", "download_url", "out", "runs", "run")


def run(config: TrainingConfig, dataset: Dataset, progress: Progress) -> Path:
    """Train, evaluate and seal; continue where a killed run of the same configuration was.

    Args:
        config: what to do.
        dataset: of `load_dataset`, for the same configuration.
        progress: shows progress.

    Returns:
        The new version folder.

    Raises:
        TrainingError: one line about what is wrong with the run's folder or the result.
    """
    say = progress.say
    dataset = limited(dataset, config)
    say(
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.test):,} test series of "
        f"{dataset.length} values, classes {', '.join(dataset.labels)}"
    )
    command = command_of(config)
    config = resolve_auto(config, dataset, progress)
    say(f"{config.model}; run folder {config.run_folder}")
    trained = train(config, dataset, progress)
    model, decisive = trained.model, course(config, dataset)
    resamples = resampled_accuracies(
        dataset, config, folder=config.run_folder, course=decisive, progress=progress
    )
    say(f"{model.count_params():,} parameters; evaluates on the test series")
    predict = predictor(model)
    evaluation = evaluate(predict, dataset)
    report = Report(
        config=config,
        dataset=dataset,
        trained=trained,
        evaluation=evaluation,
        trust=evaluate_trust(model, predict, trained.trust, evaluation, dataset) if trained.trust else None,
        resamples=resamples,
        labels=labels_of(dataset.name, dataset.labels),
        versions={"Python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        command=command,
    )
    for name, value in metrics_of(report).items():
        say(f"{name.replace('_', ' ')}: {value:.2%}")
    folder = seal(
        model,
        dataset,
        _sealing(report),
        out=Path(config.out),
        write_report=lambda partial: write_report(report, partial),
    )
    forget(config.run_folder)
    return folder


def train(config: TrainingConfig, dataset: Dataset, progress: Progress) -> Trained:
    """All fits of a run but those to resamples; `config` comes from `resolve_auto`."""
    material, folder, decisive = FitInputs(dataset, config), config.run_folder, course(config, dataset)
    if config.folds:
        held_out, states = cross_fit(material, folder=folder, course=decisive, progress=progress)
        fitted = fit_all(material, folder=folder, course=decisive, progress=progress)
    else:
        fitted, measured = hold_out(material, folder=folder, course=decisive, progress=progress)
        if measured is None:
            return Trained(fitted.model, None, 1.0, (fitted.state,), None)
        held_out, states = measured, []
    temperature = fit_temperature(held_out.logits, held_out.targets)
    trust, accuracy = _trust(material, held_out, temperature)
    model = build_trusted(
        fitted.model,
        config,
        length=dataset.length,
        temperature=temperature,
        novelty=material.novelty(np.arange(len(dataset.train))),
    )
    return Trained(model, trust, temperature, (fitted.state, *states), accuracy)


def resolve_auto(config: TrainingConfig, dataset: Dataset, progress: Progress) -> TrainingConfig:
    """The configuration with nothing left open: `auto` becomes what the training series speak for."""
    if config.model != "transformer" or config.tokens != "auto":
        return config
    tokens, scores = choose_tokens(FitInputs(dataset, config))
    shown = ", ".join(f"{name} {score:.1%}" for name, score in scores.items())
    progress.say(
        f"tokens: {tokens} (a support vector machine, cross-validated on the training series: {shown})"
    )
    return dataclasses.replace(config, tokens=tokens)


def command_of(config: TrainingConfig) -> str:
    """The command line that gives a configuration: what differs from the model's recipe."""
    usual = config_from({"model": config.model}).as_json()
    words = ["python", "-m", "training"]
    for name, value in config.as_json().items():
        if name == "model" and value != TrainingConfig().model:
            words += [flag(name), value]
        elif value != usual[name]:
            words += [flag(name), *(map(str, value) if isinstance(value, list) else [str(value)])]
    return shlex.join(words)


def course(config: TrainingConfig, dataset: Dataset) -> dict[str, Any]:
    """What decides a run's course: the options but for places, and the data."""
    options = {name: value for name, value in config.as_json().items() if name not in PLACES}
    return options | {"data_sha256": dict(dataset.sha256)}


def _trust(material: FitInputs, held_out: HeldOut, temperature: float) -> tuple[Trust, float]:
    logits = (held_out.logits / temperature).astype(np.float64)
    probabilities = softmax(logits, axis=1).astype(np.float32)
    trust = measure_trust(
        probabilities, held_out.targets, held_out.novelty, views=known_views(material.series)
    )
    return trust, float(np.mean(probabilities.argmax(axis=1) == held_out.targets))


def _sealing(report: Report) -> Sealing:
    config, dataset, trained = report.config, report.dataset, report.trained
    return Sealing(
        name=config.artifact_name,
        description=f"{dataset.name}: {config.model} with {trained.model.count_params():,} parameters",
        labels=report.labels,
        trust=trained.trust,
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
