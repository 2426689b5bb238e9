"""`python -m training.tune`: a search for better settings, in parallel processes, that survives being killed.

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
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from training.config import flag
from training.errors import ConfigError, TrainingError
from training.quiet import quiet_import
from training.sources import load_dataset
from training.space import suggest_options
from training.study import DONE, Search, open_study

MAX_PARAMETERS = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, showing each trial as it ends; the exit code is 0 once the number of trials is reached."""
    search = _parse(arguments)
    _quiet_optuna()
    try:
        load_dataset(search.config({}))  # a mistake is told once, before any process starts
        search.home.mkdir(parents=True, exist_ok=True)
        study = open_study(search)
        best = run_search(search, study)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; call it again in the same way to continue", file=sys.stderr)
        return 130
    print(f"best validation loss {study.best_value:.4f}: python -m training --config {best}")
    return 0


def run_search(search: Search, study: Any) -> Path:
    """Run trials in processes until there are enough; the path of the best configuration.

    Raises:
        ConfigError: the processes ended before that.
    """
    context = multiprocessing.get_context("spawn")
    jobs = search.jobs if _done(study) < search.trials else 0
    workers = [context.Process(target=work, args=(search,), daemon=True) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    shown: set[int] = set()
    while any(worker.is_alive() for worker in workers):
        _show_new(study, shown, search)
        time.sleep(0.5)
    _show_new(study, shown, search)
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        raise ConfigError("no trial was finished; see the messages above")
    path = search.home / "best.json"
    options = {"dataset": search.dataset, **_options_of(study.best_trial)}
    path.write_text(json.dumps(options, indent=2) + "\n", encoding="utf-8")
    return path


def work(search: Search) -> None:
    """One process: trials, until enough of all processes' are done."""
    _quiet_optuna()
    with quiet_import():
        import tensorflow as tf

        from training import trial
        from training.crossfit import Screen
        from training.job import decided
    # Several processes share the cores; none should start a thread for each of them.
    tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // search.jobs))
    study = open_study(search)
    dataset = load_dataset(search.config({}))
    tokens = decided(search.config({}), dataset, Screen(lambda _: None)).tokens

    def objective(suggesting: Any) -> float:
        config = dataclasses.replace(search.config(suggest_options(suggesting)), tokens=tokens)
        return trial.validation_loss(config, dataset, suggesting, max_parameters=MAX_PARAMETERS)

    if _done(study) < search.trials:
        enough = MaxTrialsCallback(search.trials, states=DONE)
        study.optimize(objective, callbacks=[enough, _stop_when_orphaned])


def _done(study: Any) -> int:
    return len(study.get_trials(deepcopy=False, states=DONE))


def _stop_when_orphaned(study: Any, _trial: Any) -> None:
    """End after this trial if the process that shows and gathers the results has been killed."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        study.stop()


def _quiet_optuna() -> None:
    """Its log repeats what is shown here; its heartbeats have been marked experimental for years."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def _options_of(best: Any) -> dict[str, Any]:
    return suggest_options(optuna.trial.FixedTrial(best.params))


def _show_new(study: Any, shown: set[int], search: Search) -> None:
    for trial in study.get_trials(deepcopy=False, states=(*DONE, TrialState.FAIL)):
        if trial.number not in shown:
            shown.add(trial.number)
            value = "-" if trial.value is None else f"{trial.value:.4f}"
            settings = " ".join(f"{name}={_short(value)}" for name, value in trial.params.items())
            state = trial.state.name.lower()
            print(f"trial {trial.number:>3} of {search.trials}  {state:<8} {value}  {settings}", flush=True)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value).replace(" ", "+")


def _parse(arguments: Sequence[str] | None) -> Search:
    parser = argparse.ArgumentParser(
        prog="python -m training.tune",
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
