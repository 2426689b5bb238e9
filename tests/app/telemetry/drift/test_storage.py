"""`app.telemetry.drift.storage`: the sums of several workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.telemetry.drift.storage import SharedStorage, Storage, open_storage
from tests.conftest import ROOT

WORKER = """
import sys, os
from pathlib import Path
from app.telemetry.drift.storage import SharedStorage
SharedStorage(Path(sys.argv[1]), "m", 3, 2).own += 5
os.kill(os.getpid(), 9)
"""


def test_the_sums_of_all_workers_are_added(tmp_path: Path) -> None:
    """Each adds to its own; any of them reads all."""
    one, other = (SharedStorage(tmp_path, "m", 3, 2) for _ in range(2))
    one.own += 1
    other.own += 2
    assert one.total().tolist() == other.total().tolist() == [3, 3, 3]
    assert SharedStorage(tmp_path, "n", 3, 2).total().tolist() == [0, 0, 0]


def test_the_sums_of_a_killed_worker_stay_and_its_file_is_taken_over(tmp_path: Path) -> None:
    """A worker in a crash loop leaves no trail of files."""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", WORKER, tmp_path], cwd=ROOT, check=False)
    later = SharedStorage(tmp_path, "m", 3, 2)
    later.own += 1
    assert later.total().tolist() == [11, 11, 11]
    assert len(list(tmp_path.glob("*.sums"))) == 1


def test_one_worker_at_a_time_holds_the_state(tmp_path: Path) -> None:
    """Who does not want to wait is told."""
    one, other = (SharedStorage(tmp_path, "m", 3, 2) for _ in range(2))
    with one.locked(wait=True) as state:
        assert state is not None
        state[1] = 7
        with other.locked(wait=False) as busy:
            assert busy is None
    with other.locked(wait=False) as state:
        assert state is not None
        assert state.tolist() == [0, 7]


def test_what_a_closed_worker_still_adds_is_lost(tmp_path: Path) -> None:
    """Its file may have another owner by then."""
    one = SharedStorage(tmp_path, "m", 3, 2)
    one.own += 1
    one.close()
    one.close()
    other = SharedStorage(tmp_path, "m", 3, 2)
    one.own += 1
    other.own += 1
    assert other.total().tolist() == [2, 2, 2]
    with one.locked(wait=True) as state:
        assert state is not None  # a last scrape of the metrics must not fail


def test_without_a_folder_a_worker_counts_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The server goes on."""
    storage = open_storage(tmp_path / "missing", "m", sums=3, state=2)
    assert type(storage) is Storage
    assert "drift is counted for this worker alone" in caplog.text
    assert type(open_storage(None, "m", sums=3, state=2)) is Storage
