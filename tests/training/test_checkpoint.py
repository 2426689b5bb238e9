"""A run's state: whole, exact, and only continued by the run it belongs to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.checkpoint import CONFIG_FILE, STATE_FILE, RunState, close_run, open_run, save_state
from training.errors import ConfigError

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
    """A folder without a state gives an empty one, keeps the configuration, and forgets old logs."""
    folder = tmp_path / "runs" / "a"
    (folder / "tensorboard").mkdir(parents=True)
    assert open_run(folder, CONFIG) == RunState()
    assert json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")) == CONFIG
    assert [path.name for path in folder.iterdir()] == [CONFIG_FILE]


def test_a_state_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    """What was saved is read again exactly: values, types and order."""
    open_run(tmp_path, CONFIG)
    state = _state()
    save_state(tmp_path, state)
    again = open_run(tmp_path, CONFIG)
    assert (again.history, again.best_epoch) == (state.history, 2)
    assert (again.epochs, again.seconds, again.kept) == (2, 3.5, state.history[1])
    for group in ("variables", "average", "best"):
        for one, other in zip(getattr(state, group), getattr(again, group), strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


def test_another_configuration_does_not_continue_it(tmp_path: Path) -> None:
    """Options that differ from those of the unfinished run are named, and nothing is overwritten."""
    open_run(tmp_path, CONFIG)
    save_state(tmp_path, _state())
    with pytest.raises(ConfigError, match=r"other options \(epochs: 3 there, 5 here\); give the same"):
        open_run(tmp_path, CONFIG | {"epochs": 5})
    assert open_run(tmp_path, CONFIG).epochs == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_a_broken_state_is_named(tmp_path: Path, content: bytes) -> None:
    """A state that cannot be read is an error with a remedy, never a silent new start."""
    open_run(tmp_path, CONFIG)
    (tmp_path / STATE_FILE).write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot be used .*; delete it or give --run NAME"):
        open_run(tmp_path, CONFIG)


def test_a_half_written_state_is_ignored(tmp_path: Path) -> None:
    """What a kill left of the next state does not disturb the one before."""
    open_run(tmp_path, CONFIG)
    save_state(tmp_path, _state())
    (tmp_path / "state.partial.npz").write_bytes(b"half")
    assert open_run(tmp_path, CONFIG).epochs == 2


def test_a_closed_run_starts_afresh(tmp_path: Path) -> None:
    """A run that reached its end leaves no state to continue from."""
    open_run(tmp_path, CONFIG)
    save_state(tmp_path, _state())
    close_run(tmp_path)
    assert open_run(tmp_path, CONFIG | {"epochs": 5}) == RunState()
