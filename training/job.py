"""The job once its data is read: model, fit, evaluation, report, seal."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from app.contract import Provenance
from training.checkpoint import close_run, open_run
from training.config import TrainingConfig, config_from, flag
from training.data import Dataset
from training.evaluate import evaluate
from training.fit import fit
from training.meanings import labels_of
from training.models import build_model
from training.report import Report, metrics_of, write_report
from training.seal import Sealing, seal

LIBRARIES = ("keras", "tensorflow", "openvino", "numpy")
# Where things are does not change what a run computes, so a continued run may differ in these.
PLACES = ("data", "train_file", "test_file", "cache", "download_url", "out", "runs", "run")


def run(config: TrainingConfig, dataset: Dataset, *, say: Callable[[str], None], bars: bool = False) -> Path:
    """Train, evaluate and seal; continue where a killed run of the same configuration was.

    Args:
        config: what to do.
        dataset: of `load_dataset`, for the same configuration.
        say: called with one line of progress at a time.
        bars: show progress bars within epochs.

    Returns:
        The new version folder.

    Raises:
        TrainingError: one line about what is wrong with the run's folder or the result.
    """
    say(
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.test):,} test series of "
        f"{dataset.length} values, classes {', '.join(dataset.labels)}"
    )
    keras.utils.set_random_seed(config.seed)
    model = build_model(config, length=dataset.length, classes=len(dataset.labels))
    say(f"{config.model}: {model.count_params():,} parameters; run folder {config.run_folder}")
    state = open_run(config.run_folder, course(config, dataset))
    state = fit(model, dataset, config, state=state, folder=config.run_folder, say=say, bars=bars)
    # A new model, for the trained one would bring its optimizer's state into the artifact.
    model = build_model(config, length=dataset.length, classes=len(dataset.labels))
    model.set_weights(state.best)
    say(f"keeps epoch {state.best_epoch}; evaluates on the test series")
    evaluation = evaluate(predictor(model), dataset)
    report = Report(
        config=config,
        dataset=dataset,
        state=state,
        evaluation=evaluation,
        labels=labels_of(dataset.name, dataset.labels),
        parameters=model.count_params(),
        versions={"Python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        command=command_of(config),
    )
    folder = seal(
        model,
        dataset,
        _sealing(report),
        out=Path(config.out),
        write_report=lambda partial: write_report(report, partial),
    )
    close_run(config.run_folder)
    for name, value in metrics_of(evaluation).items():
        say(f"{name.replace('_', ' ')}: {value:.2%}")
    return folder


def predictor(model: Any) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """The model as a function of `float32[n, length]`."""

    def predict(series: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(model.predict(series[..., np.newaxis], batch_size=256, verbose=0))

    return predict


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


def _sealing(report: Report) -> Sealing:
    config, dataset = report.config, report.dataset
    return Sealing(
        name=config.artifact_name,
        description=f"{dataset.name}: {config.model} with {report.parameters:,} parameters",
        labels=report.labels,
        metrics=metrics_of(report.evaluation),
        provenance=Provenance(
            dataset=dataset.name,
            data_sha256=dict(dataset.sha256),
            config=config.as_json(),
            seed=config.seed,
            versions=dict(report.versions),
            training_seconds=round(report.state.seconds, 1),
        ),
    )
