"""A run's state in one file, written after each epoch, so that a killed run goes on where it was.

Everything that the next epoch depends on is in it: all variables of model and optimizer (with the states of
dropout's random generators), the averaged and the best weights, and the history. It is written beside
the old one and put in its place in one step, so there is always a whole one.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from training.errors import ConfigError, StorageError
from training.files.locks import locked
from training.files.storage import atomic_write, remove_stale, write_text
from training.files.write_errors import short_reason, storage_errors

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


def hold_run(
    folder: Path,
    *,
    remedy: str = "wait until it has ended, or give --run NAME for a run of its own",
    seconds: float = 0,
) -> AbstractContextManager[None]:
    """Keep a run's folder to this process, for as long as the block runs.

    The lock is beside the folder, so that deleting the folder of a running process does not release it.

    Args:
        folder: the run's; it need not be there.
        remedy: what a user can do about a process that holds it.
        seconds: to wait for that process.

    Raises:
        LockHeld: one line that says which process uses the folder.
        StorageError: the lock cannot be written.
    """
    real = Path(os.path.realpath(folder))
    return locked(real.with_name(f".{real.name}.lock"), folder=folder, remedy=remedy, seconds=seconds)


def open_run(folder: Path, config: dict[str, Any]) -> RunState:
    """The state to continue from in a run's folder; a new one where there is none yet.

    Args:
        folder: the run's folder; made where it is missing.
        config: what decides the run's course; must equal that of the run to continue.

    Raises:
        ConfigError: the folder holds an unfinished run with other options, or cannot be used.
        StorageError: a new run's folder cannot be written.
    """
    state_path, config_path = folder / STATE_FILE, folder / CONFIG_FILE
    remove_stale(state_path)
    remove_stale(config_path)
    try:
        if state_path.is_file():
            _check_same(folder, json.loads(config_path.read_text(encoding="utf-8")), config)
            return _read(state_path)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ConfigError(
            f"{folder}: cannot be used ({short_reason(error)}); delete it or give --run NAME"
        ) from error
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder / LOGS, ignore_errors=True)
        write_text(config_path, json.dumps(config, indent=2) + "\n")
    return RunState()


def save_state(folder: Path, state: RunState) -> None:
    """Write the state, replacing the one before.

    Raises:
        StorageError: it cannot be written; the one before is still there.
    """
    groups = {"variables": state.variables, "average": state.average, "best": state.best}
    arrays = {f"{name}_{i}": array for name, group in groups.items() for i, array in enumerate(group)}
    scalars = {"history": state.history, "best_epoch": state.best_epoch}
    # NumPy leaves an archive behind that it could not write; a file's `write` only fails.
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, scalars=np.array(json.dumps(scalars)), **arrays)
    with atomic_write(folder / STATE_FILE) as file:
        file.write(content.getbuffer())


def close_run(folder: Path) -> None:
    """Forget the state of a run that has reached its end; the next one starts afresh.

    Raises:
        StorageError: it cannot be deleted.
    """
    path = folder / STATE_FILE
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        reason = short_reason(error)
        raise StorageError(
            f"{path}: cannot be deleted ({reason}); this run has ended: delete it before the next"
        ) from error


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
