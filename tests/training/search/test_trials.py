"""Trials in turn: what fails beside them costs no trial, and ends no worker without a line."""

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
from training.search.study import LeftRunning, Search, database, open_study, run_trials
from training.search.tune import run_search

pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed to be used with Study.optimize"),
]


@pytest.fixture
def search(tmp_path: Path) -> Search:
    """A search of two trials, with a folder."""
    search = Search(folder=str(tmp_path), trials=2)
    search.home.mkdir()
    return search


def _states(study: Any) -> list[TrialState]:
    return [trial.state for trial in study.get_trials()]


def test_an_overtaken_trial_ends_no_worker(search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    """One that others took for dead, as when the machine was suspended, is left to them; the next goes on."""
    study = open_study(search)

    def objective(trial: optuna.Trial) -> float:
        if trial.number == 0:
            other = optuna.load_study(study_name=search.study, storage=search.url)
            other.tell(trial.number, state=TrialState.FAIL)
        trial.report(0.5, 1)
        return 0.5

    run_trials(study, objective, trials=2)
    assert _states(study) == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert capsys.readouterr().err == "trial 0: was silent for too long; another process takes it up\n"


def test_a_trial_that_another_process_trains_is_left_to_it(
    search: Search, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line says who, and the search goes on."""
    study = open_study(search)

    def objective(trial: optuna.Trial) -> float:
        if trial.number == 0:
            raise LockHeld("trial-1: in use by process 1")
        return 0.5

    run_trials(study, objective, trials=1)
    assert _states(study) == [TrialState.FAIL, TrialState.COMPLETE]
    assert capsys.readouterr().err == "trial 0: trial-1: in use by process 1\n"


def test_a_full_disk_leaves_a_trial_to_be_taken_up_again(search: Search) -> None:
    """It is no failure of the trial's settings: it stays as one does whose process was killed."""
    study = open_study(search)

    def objective(_: optuna.Trial) -> float:
        raise LeftRunning(StorageError("state.npz: cannot be written"))

    with pytest.raises(StorageError, match=r"state\.npz: cannot be written"):
        run_trials(study, objective, trials=1)
    assert _states(study) == [TrialState.RUNNING]


def test_a_result_replaces_another_as_a_whole(search: Search) -> None:
    """What is written is all there, and nothing beside it is left."""
    study = open_study(search)
    best = search.home / "best.json"
    best.write_text("before", encoding="utf-8")
    for _ in range(2):
        trial = study.ask()
        suggest_options(trial)
        study.tell(trial, 0.5)
    assert run_search(search, study) == best
    assert best.read_text(encoding="utf-8").startswith("{")
    assert {path.name for path in search.home.iterdir()} == {"best.json", "study.db"}


# Of a heartbeat.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("reports", [True, False])
def test_a_full_database_is_one_line(search: Search, reports: bool) -> None:
    """Noticed within a trial or at its end, of which Optuna asserts that it cannot fail."""
    study = open_study(search)

    def objective(trial: optuna.Trial) -> float:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        if reports:
            trial.report(0.5, 1)
        return 0.5

    with largest_file(resource.RLIM_INFINITY), pytest.raises(StorageError) as caught, database(search):
        run_trials(study, objective, trials=1)
    assert re.fullmatch(
        rf"{search.home}/study\.db: the study cannot be read or written \(.{{5,80}}\); check .+",
        str(caught.value),
    )
    assert _states(study) == [TrialState.RUNNING]
