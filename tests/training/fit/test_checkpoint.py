"""A run's state: whole, exact, and only continued by the run it belongs to."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.faults import largest_file
from training.errors import ConfigError, LockHeld, StorageError
from training.fit.checkpoint import (
    CONFIG_FILE,
    STATE_FILE,
    RunState,
    close_run,
    hold_run,
    open_run,
    save_state,
)

CONFIG: dict[str, Any] = {"epochs": 3, "windows": [8, 4], "limit": None}


def _state() -> RunState:
    return RunState(
        history=[{"val_loss": 0.5, "seconds": 1.5}, {"val_loss": 0.1 + 0.2, "seconds": 2.0}],
        variables=[np.arange(6.0, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)],
        average=[np.full(2, 1 / 3, np.float32)],
        best=[np.full(2, 2 / 3, np.float32)] * 12,
        best_epoch=2,
    )


def test_a_new_run_starts_from_nothing(tmp_path: Path) -> None:
    """A folder without a state gives an empty state, stores the configuration, and deletes old logs."""
    folder = tmp_path / "runs" / "a"
    (folder / "tensorboard").mkdir(parents=True)
    assert open_run(folder, CONFIG) == RunState()
    assert json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")) == CONFIG
    assert [path.name for path in folder.iterdir()] == [CONFIG_FILE]


def test_a_state_is_restored_exactly(tmp_path: Path) -> None:
    """A saved state is read back exactly: values, types and order."""
    open_run(tmp_path, CONFIG)
    state = _state()
    save_state(tmp_path, state)
    again = open_run(tmp_path, CONFIG)
    assert (again.history, again.best_epoch) == (state.history, 2)
    assert (again.epochs, again.seconds, again.best_entry) == (2, 3.5, state.history[1])
    for group in ("variables", "average", "best"):
        for one, other in zip(getattr(state, group), getattr(again, group), strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


def test_another_configuration_does_not_continue_it(tmp_path: Path) -> None:
    """Options that differ from those of the unfinished run are named, and nothing is overwritten."""
    open_run(tmp_path, CONFIG)
    save_state(tmp_path, _state())
    with pytest.raises(
        ConfigError, match=r"other options \(epochs: 3 in the folder, 5 now\); repeat the same"
    ):
        open_run(tmp_path, CONFIG | {"epochs": 5})
    assert open_run(tmp_path, CONFIG).epochs == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_a_broken_state_is_named(tmp_path: Path, content: bytes) -> None:
    """A state that cannot be read is an error with a remedy, never a silent new start."""
    open_run(tmp_path, CONFIG)
    (tmp_path / STATE_FILE).write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot read the state of the run .*; delete the folder, or use"):
        open_run(tmp_path, CONFIG)


def test_a_half_written_state_is_ignored(tmp_path: Path) -> None:
    """Leftovers of a killed write are ignored and removed."""
    open_run(tmp_path, CONFIG)
    save_state(tmp_path, _state())
    (tmp_path / ".state.npz.0123abcd.partial").write_bytes(b"half")
    assert open_run(tmp_path, CONFIG).epochs == 2
    assert {path.name for path in tmp_path.iterdir()} == {CONFIG_FILE, STATE_FILE}


def test_a_closed_run_starts_afresh(tmp_path: Path) -> None:
    """A finished run leaves no state to continue."""
    open_run(tmp_path, CONFIG)
    save_state(tmp_path, _state())
    close_run(tmp_path)
    assert open_run(tmp_path, CONFIG | {"epochs": 5}) == RunState()


@pytest.mark.parametrize("size", [0, 200, 3000])
def test_a_state_that_does_not_fit_leaves_the_one_before(tmp_path: Path, size: int) -> None:
    """On a full disk the previous state stays, wherever the write fails."""
    open_run(tmp_path, CONFIG)
    save_state(tmp_path, _state())
    longer = dataclasses.replace(_state(), history=[{"seconds": 1.0}] * 3)
    with (
        largest_file(size),
        pytest.raises(StorageError, match=r"state\.npz: cannot be written \(File too large"),
    ):
        save_state(tmp_path, longer)
    assert {path.name for path in tmp_path.iterdir()} == {CONFIG_FILE, STATE_FILE}
    assert open_run(tmp_path, CONFIG).epochs == 2
    save_state(tmp_path, longer)
    assert open_run(tmp_path, CONFIG).epochs == 3


def test_a_new_run_on_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """The failed run leaves no state; it starts once there is room."""
    with largest_file(0), pytest.raises(StorageError, match=r"config\.json: cannot be written"):
        open_run(tmp_path / "run", CONFIG)
    assert list((tmp_path / "run").iterdir()) == []
    assert open_run(tmp_path / "run", CONFIG) == RunState()


def test_a_run_belongs_to_one_process(tmp_path: Path) -> None:
    """A second process is refused with the holder's name, by any path, until the first has ended."""
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with hold_run(tmp_path / "run"):
        for path in (tmp_path / "run", tmp_path / "link", tmp_path / "x" / ".." / "run"):
            with pytest.raises(LockHeld) as caught, hold_run(path):
                pass
            assert str(caught.value).startswith(f"{path}: in use by process {os.getpid()} on ")
            assert str(caught.value).endswith(
                "; wait until it has ended, or use another folder with --run NAME"
            )
        with hold_run(tmp_path / "other"):
            pass
    with hold_run(tmp_path / "run"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_deleting_a_running_process_folder_does_not_release_it(tmp_path: Path) -> None:
    """Otherwise two processes could write to the same folder."""
    folder = tmp_path / "run"
    with hold_run(folder):
        open_run(folder, CONFIG)
        shutil.rmtree(folder)
        with pytest.raises(LockHeld), hold_run(folder):
            pass
        with pytest.raises(StorageError, match=r"cannot be written \(No such file or directory\)"):
            save_state(folder, _state())


def test_a_state_that_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    """The message says that the run has finished and that the file must be deleted."""
    (tmp_path / STATE_FILE).mkdir()
    with pytest.raises(
        StorageError, match=r"state\.npz: cannot be deleted \(.+\); the run has finished: delete the file"
    ):
        close_run(tmp_path)
