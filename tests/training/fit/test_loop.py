"""The loop: it learns, keeps the best, stops early, and goes on exactly where it was."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.conftest import TINY, make_dataset
from tests.training.faults import largest_file
from training.config import TrainingConfig, config_from
from training.data.split import split
from training.data.ucr import Dataset
from training.errors import StorageError
from training.fit.checkpoint import RunState, open_run
from training.fit.inputs import FitInputs
from training.fit.loop import _write_summaries, compile_model, fit

Tiny = Callable[..., TrainingConfig]


# The first epoch's validation loss is the lowest of all: a fit that stopped early would end at once.
FIT: dict[str, Any] = {"epochs": 12, "learning_rate": 0.1, "patience": 1}


class Killed(Exception):
    """Simulates a kill right after an epoch was saved."""


def _run(
    dataset: Dataset, config: TrainingConfig, folder: Path, *, log: Callable[[str], None] = lambda _: None
) -> tuple[Any, RunState]:
    """Fit to three quarters of the training series, validate on the others."""
    keras.utils.set_random_seed(config.seed)
    fit_inputs = FitInputs(dataset, config)
    indices, held_out = split(dataset.train_targets, fraction=0.25, seed=config.seed)
    task, state = fit_inputs.task(indices), open_run(folder, config.as_json())
    validation = fit_inputs.validation_data(held_out)
    return task.model, fit(
        task.model, task.source, config, validation=validation, state=state, folder=folder, log=log
    )


def _curve(state: RunState) -> list[dict[str, float]]:
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in state.history]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, RunState, Path]:
    """A whole fit: its model, its state and its folder."""
    folder = tmp_path_factory.mktemp("unbroken")
    return *_run(make_dataset(classes=2), config_from(TINY | FIT), folder), folder


def _killed(dataset: Dataset, config: TrainingConfig, folder: Path, *, epoch: int) -> list[str]:
    """Fit until an epoch was saved; the lines that it said."""
    lines: list[str] = []

    def kill(line: str) -> None:
        lines.append(line)
        if line.startswith(f"epoch {epoch:>3}/"):
            raise Killed

    with pytest.raises(Killed):
        _run(dataset, config, folder, log=kill)
    return lines


def test_it_learns(wave_dataset: Dataset, tiny: Tiny, unbroken: tuple[Any, RunState, Path]) -> None:
    """A few epochs tell two frequencies apart."""
    model, state, _ = unbroken
    inputs = FitInputs(wave_dataset, tiny()).model_inputs(wave_dataset.test)
    answers = np.asarray(model(inputs, training=False)).argmax(axis=1)
    assert (answers == wave_dataset.test_targets).mean() > 0.9
    assert state.history[-1]["loss"] < state.history[0]["loss"]


def test_a_continued_run_equals_an_unbroken_one(
    wave_dataset: Dataset, tiny: Tiny, tmp_path: Path, unbroken: tuple[Any, RunState, Path]
) -> None:
    """Killed after its second epoch and continued, a run has the same curve and the same weights.

    So the same seed gives the same run.
    """
    config = tiny(**FIT)
    lines = _killed(wave_dataset, config, tmp_path, epoch=2)
    continued, state = _run(wave_dataset, config, tmp_path, log=lines.append)
    model, whole, _ = unbroken
    assert [line[:10] for line in lines[:5]] == [
        "epoch   1/",
        "epoch   2/",
        "continues ",
        "epoch   3/",
        "epoch   4/",
    ]
    assert len(lines) == FIT["epochs"] + 1
    assert _curve(state) == _curve(whole)
    for one, other in zip(continued.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_seed_decides_everything(
    wave_dataset: Dataset, tiny: Tiny, tmp_path: Path, unbroken: tuple[Any, RunState, Path]
) -> None:
    """Another seed gives another curve; that the same one gives the same, a continued run shows."""
    config = tiny(**FIT, seed=2)
    _killed(wave_dataset, config, tmp_path, epoch=1)
    assert _curve(open_run(tmp_path, config.as_json())) != _curve(unbroken[1])[:1]


def test_with_folds_the_last_weights_are_kept(unbroken: tuple[Any, RunState, Path]) -> None:
    """A fit of a length that was chosen before runs to its end, whatever its validation says."""
    model, state, _ = unbroken
    first, *others = (entry["val_loss"] for entry in state.history)
    assert min(others) > first
    assert state.epochs == state.best_epoch == FIT["epochs"]
    for weight, best in zip(model.get_weights(), state.best, strict=True):
        np.testing.assert_array_equal(weight, best)


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_it_stops_early_and_keeps_the_best(
    wave_dataset: Dataset, tiny: Tiny, tmp_path: Path, averaging: float
) -> None:
    """It stops after `patience` epochs without a lower loss, and restores the best weights."""
    config = tiny(epochs=50, patience=3, learning_rate=0.5, schedule="constant", averaging=averaging, folds=0)
    model, state = _run(wave_dataset, config, tmp_path)
    losses = [entry["val_loss"] for entry in state.history]
    assert state.epochs == state.best_epoch + 3 < 50
    assert losses[state.best_epoch - 1] <= min(losses) + 1e-5
    for weight, best in zip(model.get_weights(), state.best, strict=True):
        np.testing.assert_array_equal(weight, best)


def test_the_learning_rate_rises_and_falls(wave_dataset: Dataset, tiny: Tiny) -> None:
    """With the cosine schedule it warms up to its peak and ends near zero."""
    config = tiny(epochs=20, warmup_epochs=5, learning_rate=0.01)
    model = FitInputs(wave_dataset, config).task(np.arange(48)).model
    compile_model(model, config, steps=10)
    rates = []
    for step in (0, 25, 50, 125, 200):
        model.optimizer.iterations.assign(step)
        rates.append(float(model.optimizer.learning_rate))
    assert rates == pytest.approx([0, 0.005, 0.01, 0.00505, 0.0001], abs=1e-5)


def test_tensorboard_gets_the_curve(unbroken: tuple[Any, RunState, Path]) -> None:
    """The run's folder holds TensorBoard logs."""
    logs = list((unbroken[2] / "tensorboard").glob("events.out.tfevents.*"))
    assert len(logs) == 1
    assert b"val_loss" in logs[0].read_bytes()


def test_a_full_disk_costs_no_finished_epoch(wave_dataset: Dataset, tiny: Tiny, tmp_path: Path) -> None:
    """The run ends with one line when the disk is full, and continues there once there is room."""
    config = tiny(epochs=3, model="reference-perceptron", folds=0)
    lines: list[str] = []

    def fill(line: str) -> None:
        lines.append(line)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

    with (
        largest_file(resource.RLIM_INFINITY),
        pytest.raises(StorageError, match=r"state\.npz: cannot be wri"),
    ):
        _run(wave_dataset, config, tmp_path, log=fill)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "state.npz", "tensorboard"}
    _, state = _run(wave_dataset, config, tmp_path, log=lines.append)
    assert [line[:11] for line in lines] == ["epoch   1/3", "continues a", "epoch   2/3", "epoch   3/3"]
    assert state.epochs == 3


def test_logs_that_cannot_be_written_are_one_line(wave_dataset: Dataset, tiny: Tiny, tmp_path: Path) -> None:
    """TensorFlow's errors on opening and writing a log file become one line."""
    config = tiny(model="reference-perceptron", folds=0)
    task = FitInputs(wave_dataset, config).task(np.arange(48))
    no_examples = (np.empty((0,), np.float32), np.empty((0,), np.float32))
    with largest_file(0), pytest.raises(StorageError) as begun:
        fit(
            task.model,
            task.source,
            config,
            validation=no_examples,
            state=RunState(),
            folder=tmp_path,
            log=print,
        )
    writer = tf.summary.create_file_writer(str(tmp_path / "logs"))
    writer.flush()
    with largest_file(100), pytest.raises(StorageError) as written:
        _write_summaries(writer, tmp_path / "tensorboard", {"loss": 0.5}, 1)
    for caught in (begun, written):
        assert str(caught.value).startswith(
            f"{tmp_path / 'tensorboard'}: cannot be written (File too large); "
        )
        assert "\n" not in str(caught.value)
