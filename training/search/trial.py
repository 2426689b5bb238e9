"""One trial of a search: train with a configuration, report each epoch, stop early if pruned."""

from __future__ import annotations

from typing import Any

import keras
import optuna

from training.config import TrainingConfig
from training.data.dataset_size import limit_dataset
from training.data.split import split
from training.data.ucr import Dataset
from training.fit.checkpoint import close_run, hold_run, open_run
from training.fit.inputs import FitInputs
from training.fit.loop import fit
from training.job import run_fingerprint

# Time for a process whose trial was reassigned: it notices at the end of its epoch.
WAIT_SECONDS = 60


def validation_loss(config: TrainingConfig, dataset: Dataset, trial: Any, *, max_parameters: int) -> float:
    """Train with a configuration; returns the lowest validation loss.

    Args:
        config: without folds, `tokens` not `auto`. A run in its folder is continued.
        dataset: only its training series are used.
        trial: an `optuna.Trial` that gets the validation loss of each epoch.
        max_parameters: a larger model is pruned.

    Raises:
        LockHeld: another process still trains with the same configuration.
        optuna.TrialPruned: too many parameters, or worse than other trials at the same epoch.
    """
    keras.utils.set_random_seed(config.seed)
    dataset = limit_dataset(dataset, config)
    fit_inputs = FitInputs(dataset, config)
    rows, held_out = split(dataset.train_targets, fraction=config.validation_fraction, seed=config.seed)
    task = fit_inputs.task(rows)
    if (parameters := fit_inputs.parameters(task.model)) > max_parameters:
        raise optuna.TrialPruned(f"{parameters:,} parameters")

    def report(epoch: int, entry: dict[str, float]) -> None:
        trial.report(entry["val_loss"], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    folder = config.run_folder
    with hold_run(folder, remedy="this process skips the trial", seconds=WAIT_SECONDS):
        state = fit(
            task.model,
            task.source,
            config,
            validation=fit_inputs.validation_data(held_out),
            state=open_run(folder, run_fingerprint(config, dataset)),
            folder=folder,
            log=lambda _: None,
            after_epoch=report,
        )
        close_run(folder)
    return state.best_entry["val_loss"]
