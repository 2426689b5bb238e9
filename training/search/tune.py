"""`python -m training.search.tune`: search for better settings, in parallel processes that may be killed.

Trials are judged by validation loss, on series held out of the training set; the test set is not read. The
state of the search is in a database: SQLite in the study's folder, or any that --storage names, which
processes on other machines may share. A trial whose process has died is taken up again by another, at its
last epoch. The result, `best.json`, is what `python -m training --config` takes.
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
from training.cli.import_noise import suppress_import_noise
from training.config import flag
from training.data.sources import load_dataset
from training.errors import ConfigError, StorageError, TrainingError
from training.files.locks import locked
from training.files.storage import write_text
from training.search.space import suggest_options
from training.search.study import DONE, LeftRunning, Search, database, open_study, run_trials

MAX_PARAMETERS = 100_000
LEAVING_SECONDS = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, showing each trial as it ends; the exit codes are those of `run_command`."""
    search = _parse(arguments)
    _quiet_optuna()
    return run_command(lambda: _search(search), stop_message=RESUME_MESSAGE)


def _search(search: Search) -> int:
    load_dataset(search.config({}), progress=sys.stderr)  # a mistake is told once, before any process starts
    with _turn(search):  # two processes that make the tables at once would disturb each other
        study = open_study(search)
    with database(search):
        best = run_search(search, study)
        value = study.best_value
    print_line(f"best validation loss {value:.4f}: python -m training --config {best}")
    return 0


def run_search(search: Search, study: Any) -> Path:
    """Run trials in processes until there are enough; the path of the best configuration.

    Raises:
        TrainingError: the processes ended before that.
        StorageError: the configuration cannot be written.
    """
    workers = _start(search) if _done(study) < search.trials else []
    shown: set[int] = set()
    try:
        while any(worker.is_alive() for worker in workers):
            _show_new(study, shown, search)
            time.sleep(0.5)
    finally:
        _end(workers)
    _show_new(study, shown, search)
    if (done := _done(study)) < search.trials:
        raise TrainingError(
            f"{done} of {search.trials} trials are done; see the messages above, then call it again in the "
            "same way to continue"
        )
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise ConfigError("all trials were given up early; give more --trials")
    path = search.home / "best.json"
    with _turn(search):  # of two searches at once, the one that writes last knows the most
        options = {"dataset": search.dataset, **_options_of(study.best_trial)}
        write_text(path, json.dumps(options, indent=2) + "\n")
    return path


def work(search: Search) -> None:
    """One process: trials, until enough of all processes' are done."""
    _quiet_optuna()
    sys.exit(run_command(lambda: _work(search), stop_message=None))


def _work(search: Search) -> int:
    with suppress_import_noise():
        import tensorflow as tf

        from training.fit.cross_validation import Progress
        from training.job import resolve_auto
        from training.search import trial
    # Several processes share the cores; none should start a thread for each of them.
    tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // search.jobs))
    study = open_study(search)
    dataset = load_dataset(search.config({}), progress=sys.stderr)
    tokens = resolve_auto(search.config({}), dataset, Progress(lambda _: None)).tokens

    def objective(suggesting: Any) -> float:
        config = dataclasses.replace(search.config(suggest_options(suggesting)), tokens=tokens)
        try:
            return trial.validation_loss(config, dataset, suggesting, max_parameters=MAX_PARAMETERS)
        except StorageError as error:
            raise LeftRunning(error) from error

    with database(search):
        if _done(study) < search.trials:
            run_trials(study, objective, trials=search.trials)
    return 0


def _start(search: Search) -> list[Any]:
    """The workers; Ctrl-C reaches them too, and is left to this process."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(search,), daemon=True) for _ in range(search.jobs)]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for worker in workers:
            worker.start()
    finally:
        signal.signal(signal.SIGINT, before)
    return workers


def _end(workers: Sequence[Any]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(LEAVING_SECONDS)
        worker.kill()


def _turn(search: Search) -> AbstractContextManager[None]:
    remedy = "wait until it has ended, then run the same command again"
    return locked(search.home / ".lock", folder=search.home, remedy=remedy, seconds=LEAVING_SECONDS)


def _done(study: Any) -> int:
    return len(study.get_trials(deepcopy=False, states=DONE))


def _quiet_optuna() -> None:
    """Its log repeats what is shown here; its heartbeats have been marked experimental for years."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    threading.excepthook = _show_in_thread


def _show_in_thread(failed: threading.ExceptHookArgs) -> None:
    """Show what ends a thread, but for a heartbeat that cannot be written: nor can what its trial reports."""
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
        description="Search for better settings. A search that was stopped continues when called again.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    texts = {
        "dataset": "name of the UCR data set",
        "trials": "trials in all, of all processes and machines",
        "jobs": "processes on this machine",
        "epochs": "epochs of a trial",
        "limit": "fit on at most this many series",
        "seed": "of every trial's training",
        "study": "name of the search",
        "folder": "holds a folder for each study",
        "storage": "database URL, for several machines; SQLite in the study's folder if not given",
    }
    for field in dataclasses.fields(Search):
        kind = int if isinstance(field.default, int) or field.name == "limit" else str
        parser.add_argument(flag(field.name), type=kind, default=field.default, help=texts[field.name])
    return Search(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
