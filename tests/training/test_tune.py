"""`python -m training.tune`: real searches in real processes, on a small data set."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
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
    return [sys.executable, "-m", "training.tune", "--folder", str(folder), *words]


def trials_of(folder: Path, *states: TrialState) -> list[optuna.trial.FrozenTrial]:
    """The study's trials in some states."""
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{folder / 's' / 'study.db'}")
    trials: list[optuna.trial.FrozenTrial] = study.get_trials(states=states or None)
    return trials


@pytest.mark.timeout(600)
def test_a_search_that_is_killed_goes_on_and_ends_with_a_configuration(tmp_path: Path) -> None:
    """Kill -9 of all its processes costs no finished trial, and the unfinished ones are taken up again."""
    start = command(tmp_path, trials=2, epochs=8)
    process = subprocess.Popen(start, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        while not (list(tmp_path.glob("s/trial-*/state.npz")) and trials_of(tmp_path, TrialState.RUNNING)):
            assert process.poll() is None
            assert time.monotonic() < deadline, "no trial finished an epoch"
            time.sleep(0.2)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    cut_off = {str(sorted(trial.params.items())) for trial in trials_of(tmp_path, TrialState.RUNNING)}
    finished = {trial.number for trial in trials_of(tmp_path, *DONE)}
    assert cut_off

    time.sleep(11)  # two heartbeats: until then the dead processes might be alive
    done = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    after = trials_of(tmp_path, *DONE)
    assert finished <= {trial.number for trial in after}
    assert cut_off <= {str(sorted(trial.params.items())) for trial in after}
    assert len(after) >= 2

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
