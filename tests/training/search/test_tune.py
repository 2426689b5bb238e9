"""`python -m training.search.tune`: searches in real processes, on a small data set."""

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


def with_heartbeat(folder: Path) -> int:
    """Number of running trials with a heartbeat."""
    with closing(sqlite3.connect(folder / "s" / "study.db")) as study:
        (count,) = study.execute(
            "SELECT count(*) FROM trials JOIN trial_heartbeats USING (trial_id) WHERE state = 'RUNNING'"
        ).fetchone()
    return int(count)


def let_heartbeats_age(folder: Path) -> None:
    """Make all heartbeats a minute old, as if their processes had been dead for so long."""
    with closing(sqlite3.connect(folder / "s" / "study.db")) as study:
        study.execute("UPDATE trial_heartbeats SET heartbeat = datetime(heartbeat, '-1 minute')")
        study.commit()


@pytest.mark.timeout(600)
def test_a_killed_search_continues(tmp_path: Path) -> None:
    """After kill -9 of all processes, finished trials are kept and the others are continued."""
    # One more trial than processes: interrupted trials are still needed when the first two have ended.
    # The kill comes right after an epoch, and long before the last one.
    start = command(tmp_path, trials=3, epochs=12)
    process = subprocess.Popen(start, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        while not (list(tmp_path.glob("s/trial-*/state.npz")) and with_heartbeat(tmp_path) == 2):
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
    """An unknown data set is reported before any process starts."""
    line = [*command(tmp_path, trials=1, epochs=1), "--dataset", "Nothing"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_study_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Errors of the database are one line that does not show the password."""
    (tmp_path / "s" / "study.db").mkdir(parents=True)
    base = command(tmp_path, trials=1, epochs=1)
    for line, where in (
        (base, f"{tmp_path / 's' / 'study.db'}: the study cannot be read or written (unable to open"),
        ([*base, "--storage", "nonsense://u:secret@h/x"], "--storage: the study cannot be read or written ("),
    ):
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {where}")
        assert len(done.stderr.splitlines()) == 1
        assert "secret" not in done.stderr
