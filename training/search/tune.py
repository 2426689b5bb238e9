"""`python -m training.search.tune`: hyperparameter search in parallel processes that may be killed.

Trials minimise the validation loss on held-out training series; the test set is not used. A database keeps
the state of the search: SQLite in the study's folder, or the one of --storage, which several machines may
share. If a process dies, another one continues its trial after the last epoch. The result is `best.json`, a
configuration file for `python -m training --config`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from training.cli.command import RESUME_MESSAGE, print_line, run_command
from training.cli.runtime_import import runtime_import
from training.config import flag
from training.data.sources import load_dataset
from training.errors import ConfigError, StorageError, TrainingError
from training.files.locks import locked
from training.files.storage import write_text
from training.search.space import suggest_options
from training.search.study import DONE, Search, TrialInterrupted, database_errors, open_study, run_trials

MAX_PARAMETERS = 100_000
STOP_SECONDS = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the search and print each trial; the exit codes are those of `run_command`."""
    search = _parse(arguments)
    _silence_optuna()
    return run_command(lambda: _search(search), stop_message=RESUME_MESSAGE)


def _search(search: Search) -> int:
    load_dataset(search.config({}), progress=sys.stderr)  # report an error once, before any process starts
    with _study_lock(search):  # processes must not create the tables at the same time
        study = open_study(search)
    with database_errors(search):
        best = run_search(search, study)
        value = study.best_value
    print_line(f"best validation loss {value:.4f}: python -m training --config {best}")
    return 0


def run_search(search: Search, study: Any) -> Path:
    """Run trials in processes; returns the path of the best configuration.

    Raises:
        TrainingError: the processes ended before all trials.
        StorageError: the configuration cannot be written.
    """
    workers = _start_workers(search) if _finished(study) < search.trials else []
    shown: set[int] = set()
    try:
        while any(worker.is_alive() for worker in workers):
            _show_new(study, shown, search)
            time.sleep(0.5)
    finally:
        _stop_workers(workers)
    _show_new(study, shown, search)
    if (done := _finished(study)) < search.trials:
        raise TrainingError(
            f"{done} of {search.trials} trials are done; fix the errors above, then run the same command "
            "again to continue"
        )
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise ConfigError("all trials were pruned; increase --trials")
    path = search.study_folder / "best.json"
    with _study_lock(search):  # the search that writes last has seen the most trials
        options = {"dataset": search.dataset, **_options_of(study.best_trial)}
        write_text(path, json.dumps(options, indent=2) + "\n")
    return path


def work(search: Search) -> None:
    """Run trials in this process, until all processes together have finished enough."""
    _silence_optuna()
    sys.exit(run_command(lambda: _work(search), stop_message=None))


def _work(search: Search) -> int:
    with runtime_import():
        import tensorflow as tf

        from training.fit.cross_validation import Progress
        from training.job import resolve_auto
        from training.search import trial
    # Several processes share the CPU cores; none should start one thread per core.
    tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // search.jobs))
    study = open_study(search)
    dataset = load_dataset(search.config({}), progress=sys.stderr)
    tokens = resolve_auto(search.config({}), dataset, Progress(lambda _: None)).tokens

    def objective(suggesting: Any) -> float:
        config = dataclasses.replace(search.config(suggest_options(suggesting)), tokens=tokens)
        try:
            return trial.validation_loss(config, dataset, suggesting, max_parameters=MAX_PARAMETERS)
        except StorageError as error:
            raise TrialInterrupted(error) from error

    with database_errors(search):
        if _finished(study) < search.trials:
            run_trials(study, objective, trials=search.trials)
    return 0


def _start_workers(search: Search) -> list[Any]:
    """Start the workers with SIGINT ignored: this process handles Ctrl-C."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(search,), daemon=True) for _ in range(search.jobs)]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for worker in workers:
            worker.start()
    finally:
        signal.signal(signal.SIGINT, before)
    return workers


def _stop_workers(workers: Sequence[Any]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(STOP_SECONDS)
        worker.kill()


def _study_lock(search: Search) -> AbstractContextManager[None]:
    remedy = "wait until it has ended, then run the same command again"
    return locked(
        search.study_folder / ".lock", folder=search.study_folder, remedy=remedy, seconds=STOP_SECONDS
    )


def _finished(study: Any) -> int:
    return len(study.get_trials(deepcopy=False, states=DONE))


def _silence_optuna() -> None:
    """Silence Optuna's log, which repeats our lines, and its warnings that heartbeats are experimental."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    threading.excepthook = _show_in_thread


def _show_in_thread(failed: threading.ExceptHookArgs) -> None:
    """Show the error of a thread, except for a failed heartbeat: its trial reports the same error."""
    if not issubclass(failed.exc_type, StorageInternalError):
        threading.__excepthook__(failed)


def _options_of(best: Any) -> dict[str, Any]:
    return suggest_options(optuna.trial.FixedTrial(best.params))


def _show_new(study: Any, shown: set[int], search: Search) -> None:
    for trial in study.get_trials(deepcopy=False, states=(*DONE, TrialState.FAIL)):
        if trial.number not in shown:
            shown.add(trial.number)
            value = "-" if trial.value is None else f"{trial.value:.4f}"
            settings = " ".join(f"{name}={_short(value)}" for name, value in trial.params.items())
            state = trial.state.name.lower()
            print_line(f"trial {trial.number:>3} of {search.trials}  {state:<8} {value}  {settings}")


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace(" ", "+")


def _parse(arguments: Sequence[str] | None) -> Search:
    parser = argparse.ArgumentParser(
        prog="python -m training.search.tune",
        description="Search for hyperparameters. To continue a stopped search, run the same command again.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    texts = {
        "dataset": "name of the UCR data set",
        "trials": "total number of trials of all processes and machines",
        "jobs": "number of processes on this machine",
        "epochs": "epochs per trial",
        "limit": "use at most this many training series",
        "seed": "random seed of all trials",
        "study": "name of the study",
        "folder": "folder that contains one folder per study",
        "storage": "database URL to share between machines; if not set, SQLite in the study's folder",
    }
    for field in dataclasses.fields(Search):
        kind = int if isinstance(field.default, int) or field.name == "limit" else str
        parser.add_argument(flag(field.name), type=kind, default=field.default, help=texts[field.name])
    return Search(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
