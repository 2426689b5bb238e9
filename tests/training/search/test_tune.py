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


# Importing TensorFlow takes most of a worker's time: a study that needs no second one has one.
SMALLEST = ["--dataset", "Chinatown", "--study", "s", "--epochs", "12", "--jobs", "1"]


def command(folder: Path, *options: str) -> list[str]:
    """A search on the archive's smallest kind of data set."""
    return [sys.executable, "-m", "training.search.tune", "--folder", str(folder), *SMALLEST, *options]


def refusal(folder: Path, *options: str) -> str:
    """The line on standard error with which a search is refused before a worker starts."""
    line = command(folder, *options)
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


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
    # The kill comes right after an epoch, and long before the last one.
    process = subprocess.Popen(
        command(tmp_path, "--jobs", "2", "--trials", "100"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
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
    assert len(cut_off) == 2

    let_heartbeats_age(tmp_path)  # until then the dead processes might be alive
    # Were new trials started, these would not all be continued.
    start = command(tmp_path, "--trials", str(len(finished) + len(cut_off)))
    done = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    after = trials_of(tmp_path, *DONE)
    assert finished <= {trial.number for trial in after}
    assert cut_off <= {str(sorted(trial.params.items())) for trial in after}
    assert len(after) == len(finished) + len(cut_off)

    assert "python -m training --config" in done.stdout
    config = config_from(read_config_file(tmp_path / "s" / "best.json"))
    assert config.dataset == "Chinatown"

    again = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0
    assert len(trials_of(tmp_path, *DONE)) == len(after)


def test_a_data_set_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """An unknown data set is reported before any process starts."""
    assert refusal(tmp_path, "--dataset", "Nothing").startswith("error: ")


def test_a_study_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Errors of the database are one line that does not show the password."""
    (tmp_path / "s" / "study.db").mkdir(parents=True)
    assert refusal(tmp_path).startswith(
        f"error: {tmp_path / 's' / 'study.db'}: the study cannot be read or written (unable to open"
    )
    error = refusal(tmp_path, "--storage", "nonsense://u:secret@h/x")
    assert error.startswith("error: --storage: the study cannot be read or written (")
    assert "secret" not in error
