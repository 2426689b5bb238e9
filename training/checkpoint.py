"""A run's state in one file, written after each epoch, so that a killed run goes on where it was.

Everything that the next epoch depends on is in it: all variables of model and optimizer (with the states of
dropout's random generators), the averaged and the best weights, and the history. It is written beside
the old one and put in its place in one step, so there is always a whole one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from training.errors import ConfigError

STATE_FILE = "state.npz"
CONFIG_FILE = "config.json"
LOGS = "tensorboard"

Arrays = list[NDArray[Any]]


@dataclass
class RunState:
    """How far a run has come.

    Attributes:
        history: one entry a finished epoch, with its losses, accuracies and seconds.
        variables: all variables of model and optimizer, in their order.
        average: the moving average of the weights; empty before the first epoch.
        best: the weights with the lowest validation loss so far.
        best_epoch: the epoch that gave them, counted from 1; 0 before the first.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    variables: Arrays = field(default_factory=list)
    average: Arrays = field(default_factory=list)
    best: Arrays = field(default_factory=list)
    best_epoch: int = 0

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.history)

    @property
    def kept(self) -> dict[str, float]:
        """The history's entry of the best epoch."""
        return self.history[self.best_epoch - 1]

    @property
    def seconds(self) -> float:
        """Time spent in finished epochs."""
        return sum(entry["seconds"] for entry in self.history)


def open_run(folder: Path, config: dict[str, Any]) -> RunState:
    """The state to continue from in a run's folder; a new one where there is none yet.

    Args:
        folder: the run's folder; made where it is missing.
        config: what decides the run's course; must equal that of the run to continue.

    Raises:
        ConfigError: the folder holds an unfinished run with other options, or cannot be used.
    """
    state_path, config_path = folder / STATE_FILE, folder / CONFIG_FILE
    try:
        if state_path.is_file():
            _check_same(folder, json.loads(config_path.read_text(encoding="utf-8")), config)
            return _read(state_path)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder / LOGS, ignore_errors=True)
        config_path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ConfigError(f"{folder}: cannot be used ({error}); delete it or give --run NAME") from error
    return RunState()


def save_state(folder: Path, state: RunState) -> None:
    """Write the state, replacing the one before."""
    partial = folder / "state.partial.npz"
    groups = {"variables": state.variables, "average": state.average, "best": state.best}
    arrays = {f"{name}_{i}": array for name, group in groups.items() for i, array in enumerate(group)}
    scalars = {"history": state.history, "best_epoch": state.best_epoch}
    np.savez(partial, allow_pickle=False, scalars=np.array(json.dumps(scalars)), **arrays)
    partial.replace(folder / STATE_FILE)


def close_run(folder: Path) -> None:
    """Forget the state of a run that has reached its end; the next one starts afresh."""
    (folder / STATE_FILE).unlink(missing_ok=True)


def _read(path: Path) -> RunState:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        scalars = json.loads(str(arrays["scalars"]))
        groups = {group: _numbered(arrays, group) for group in ("variables", "average", "best")}
    return RunState(history=scalars["history"], best_epoch=scalars["best_epoch"], **groups)


def _numbered(arrays: Mapping[str, NDArray[Any]], group: str) -> Arrays:
    count = sum(name.startswith(f"{group}_") for name in arrays)
    return [arrays[f"{group}_{i}"] for i in range(count)]


def _check_same(folder: Path, there: dict[str, Any], here: dict[str, Any]) -> None:
    for name in sorted(there.keys() | here.keys()):
        if there.get(name) != here.get(name):
            raise ConfigError(
                f"{folder}: holds an unfinished run with other options ({name}: {there.get(name)} there, "
                f"{here.get(name)} here); give the same options to continue it, --run NAME for another run, "
                "or delete the folder"
            )
