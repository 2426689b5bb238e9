"""One trial of a search: train with a configuration, report each epoch, give up early if it looks poor."""

from __future__ import annotations

from typing import Any

import keras
import optuna

from training.config import TrainingConfig
from training.data.enough import limited
from training.data.split import split
from training.data.ucr import Dataset
from training.fit.checkpoint import close_run, hold_run, open_run
from training.fit.inputs import FitInputs
from training.fit.loop import fit
from training.job import course

# For a process that was overtaken, and learns so at the end of its epoch.
WAIT_SECONDS = 60


def validation_loss(config: TrainingConfig, dataset: Dataset, trial: Any, *, max_parameters: int) -> float:
    """The lowest validation loss of a configuration's run.

    Args:
        config: names the run's folder; a run that is there continues. It has no folds and its tokens are
            decided.
        dataset: only its training series are used.
        trial: an `optuna.Trial`, told the loss of each epoch.
        max_parameters: a larger model is not trained.

    Raises:
        LockHeld: another process trains with the same configuration, and goes on doing so.
        optuna.TrialPruned: too large, or worse than others at the same epoch.
    """
    keras.utils.set_random_seed(config.seed)
    dataset = limited(dataset, config)
    material = FitInputs(dataset, config)
    rows, held_out = split(dataset.train_targets, fraction=config.validation_fraction, seed=config.seed)
    task = material.task(rows)
    if (parameters := material.parameters(task.model)) > max_parameters:
        raise optuna.TrialPruned(f"{parameters:,} parameters")

    def report(epoch: int, entry: dict[str, float]) -> None:
        trial.report(entry["val_loss"], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    folder = config.run_folder
    with hold_run(folder, remedy="the trial is left to it", seconds=WAIT_SECONDS):
        state = fit(
            task.model,
            task.course,
            config,
            check=material.held_out(held_out),
            state=open_run(folder, course(config, dataset)),
            folder=folder,
            say=_quiet,
            after_epoch=report,
        )
        close_run(folder)
    return state.kept["val_loss"]


def _quiet(_: str) -> None:
    """A trial's epochs are in the study and in TensorBoard's logs."""
