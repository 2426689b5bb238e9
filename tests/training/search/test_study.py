"""The database of a search: real SQLite with several connections."""

from __future__ import annotations

import threading
from pathlib import Path

import optuna
import pytest

from training.search.study import Search, open_study


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed to be used with Study.optimize")
def test_a_waiting_trial_is_taken_by_one_process_only(tmp_path: Path) -> None:
    """Four threads with connections of their own ask at once and get different trials."""
    search = Search(folder=str(tmp_path))
    search.study_folder.mkdir()
    study = open_study(search)
    for number in range(40):
        study.enqueue_trial({"number": number})
    taken: list[int] = []
    start = threading.Barrier(4)

    def take() -> None:
        own = open_study(search)
        start.wait()
        taken.extend(own.ask().number for _ in range(10))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(40))
    assert not study.get_trials(states=(optuna.trial.TrialState.WAITING,))
