"""`python -m training.search.tune`: real searches in real processes, on a small data set."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from tests.conftest import ROOT
from training.config import config_from, read_config_file

DONE = (TrialState.COMPLETE, TrialState.PRUNED)


def command(folder: Path, *, trials: int, epochs: int) -> list[str]:
    """A search on the archive's smallest kind of data set."""
    options = {"dataset": "Chinatown", "study": "s", "jobs": 2, "trials": trials, "epochs": epochs}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "training.search.tune", "--folder", str(folder), *words]


def trials_of(folder: Path, *states: TrialState) -> list[optuna.trial.FrozenTrial]:
    """The study's trials in some states."""
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{folder / 's' / 'study.db'}")
    trials: list[optuna.trial.FrozenTrial] = study.get_trials(states=states or None)
    return trials


def beating(folder: Path) -> int:
    """How many trials run and have a heartbeat: by one, a trial whose process died is found."""
    with closing(sqlite3.connect(folder / "s" / "study.db")) as study:
        (count,) = study.execute(
            "SELECT count(*) FROM trials JOIN trial_heartbeats USING (trial_id) WHERE state = 'RUNNING'"
        ).fetchone()
    return int(count)


def let_heartbeats_age(folder: Path) -> None:
    """Have all of them be a minute old: what happened in processes that have been dead for so long."""
    with closing(sqlite3.connect(folder / "s" / "study.db")) as study:
        study.execute("UPDATE trial_heartbeats SET heartbeat = datetime(heartbeat, '-1 minute')")
        study.commit()


@pytest.mark.timeout(600)
def test_a_search_that_is_killed_goes_on_and_ends_with_a_configuration(tmp_path: Path) -> None:
    """Kill -9 of all its processes costs no finished trial, and the unfinished ones are taken up again."""
    # One more trial than processes: when the first two have ended, what waits to be taken up is still wanted.
    # The kill comes right after an epoch, and long before the last one.
    start = command(tmp_path, trials=3, epochs=12)
    process = subprocess.Popen(start, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        while not (list(tmp_path.glob("s/trial-*/state.npz")) and beating(tmp_path) == 2):
            assert process.poll() is None
            assert time.monotonic() < deadline, "no trial finished an epoch"
            time.sleep(0.01)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    cut_off = {str(sorted(trial.params.items())) for trial in trials_of(tmp_path, TrialState.RUNNING)}
    finished = {trial.number for trial in trials_of(tmp_path, *DONE)}
    assert cut_off

    let_heartbeats_age(tmp_path)  # until then the dead processes might be alive
    done = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    after = trials_of(tmp_path, *DONE)
    assert finished <= {trial.number for trial in after}
    assert cut_off <= {str(sorted(trial.params.items())) for trial in after}
    assert len(after) >= 3

    assert "python -m training --config" in done.stdout
    config = config_from(read_config_file(tmp_path / "s" / "best.json"))
    assert config.dataset == "Chinatown"

    again = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0
    assert len(trials_of(tmp_path, *DONE)) == len(after)


def test_a_data_set_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """A mistake is told before any process starts."""
    line = [*command(tmp_path, trials=1, epochs=1), "--dataset", "Nothing"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_study_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Whatever is wrong with its database, and whichever library says so; no password is shown."""
    (tmp_path / "s" / "study.db").mkdir(parents=True)
    told = command(tmp_path, trials=1, epochs=1)
    for line, where in (
        (told, f"{tmp_path / 's' / 'study.db'}: the study cannot be read or written (unable to open"),
        ([*told, "--storage", "nonsense://u:secret@h/x"], "--storage: the study cannot be read or written ("),
    ):
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {where}")
        assert len(done.stderr.splitlines()) == 1
        assert "secret" not in done.stderr
