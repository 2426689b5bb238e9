"""Trials one after the other: errors outside a trial do not fail it, and end a worker with one line."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tests.training.faults import largest_file
from training.errors import LockHeld, StorageError
from training.search.space import suggest_options
from training.search.study import Search, TrialInterrupted, database_errors, open_study, run_trials
from training.search.tune import run_search

pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed to be used with Study.optimize"),
]


@pytest.fixture
def search(tmp_path: Path) -> Search:
    """A search of two trials, with a folder."""
    search = Search(folder=str(tmp_path), trials=2)
    search.study_folder.mkdir()
    return search


def _states(study: Any) -> list[TrialState]:
    return [trial.state for trial in study.get_trials()]


def test_a_reassigned_trial_ends_no_worker(search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    """A trial that another process has taken over is left to it; the worker starts the next one."""
    study = open_study(search)

    def objective(trial: optuna.Trial) -> float:
        if trial.number == 0:
            other = optuna.load_study(study_name=search.study, storage=search.url)
            other.tell(trial.number, state=TrialState.FAIL)
        trial.report(0.5, 1)
        return 0.5

    run_trials(study, objective, trials=2)
    assert _states(study) == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert capsys.readouterr().err == "trial 0: no heartbeat for 30 s; another process continues it\n"


def test_a_trial_that_another_process_trains_is_left_to_it(
    search: Search, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line names the other process, and the search goes on."""
    study = open_study(search)

    def objective(trial: optuna.Trial) -> float:
        if trial.number == 0:
            raise LockHeld("trial-1: in use by process 1")
        return 0.5

    run_trials(study, objective, trials=1)
    assert _states(study) == [TrialState.FAIL, TrialState.COMPLETE]
    assert capsys.readouterr().err == "trial 0: trial-1: in use by process 1\n"


def test_a_full_disk_leaves_a_trial_to_be_continued(search: Search) -> None:
    """The trial stays in the state running, as after a kill, and does not count as failed."""
    study = open_study(search)

    def objective(_: optuna.Trial) -> float:
        raise TrialInterrupted(StorageError("state.npz: cannot be written"))

    with pytest.raises(StorageError, match=r"state\.npz: cannot be written"):
        run_trials(study, objective, trials=1)
    assert _states(study) == [TrialState.RUNNING]


def test_a_result_replaces_another_as_a_whole(search: Search) -> None:
    """The file is complete, and no temporary file is left."""
    study = open_study(search)
    best = search.study_folder / "best.json"
    best.write_text("before", encoding="utf-8")
    for _ in range(2):
        trial = study.ask()
        suggest_options(trial)
        study.tell(trial, 0.5)
    assert run_search(search, study) == best
    assert best.read_text(encoding="utf-8").startswith("{")
    assert {path.name for path in search.study_folder.iterdir()} == {"best.json", "study.db"}


# The heartbeat thread fails, too.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("reports", [True, False])
def test_a_full_database_is_one_line(search: Search, reports: bool) -> None:
    """A full database gives one line, whether it fails during a trial or at its end."""
    study = open_study(search)

    def objective(trial: optuna.Trial) -> float:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        if reports:
            trial.report(0.5, 1)
        return 0.5

    with largest_file(resource.RLIM_INFINITY), pytest.raises(StorageError) as caught, database_errors(search):
        run_trials(study, objective, trials=1)
    assert re.fullmatch(
        rf"{search.study_folder}/study\.db: the study cannot be read or written \(.{{5,80}}\); check .+",
        str(caught.value),
    )
    assert _states(study) == [TrialState.RUNNING]
