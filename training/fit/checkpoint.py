"""A run's state in one file, written after each epoch, so that a killed run can continue.

It holds everything that the next epoch depends on: all variables of model and optimizer (with the states of
dropout's random generators), the averaged and the best weights, and the history. A new file is written
beside the old one and then replaces it atomically, so there is always a complete one.
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
    """The state of a run after its last finished epoch.

    Attributes:
        history: one entry for each finished epoch, with losses, accuracies and seconds.
        variables: all variables of model and optimizer, in their order.
        average: the moving average of the weights; empty before the first epoch.
        best: the weights with the lowest validation loss so far.
        best_epoch: the epoch of those weights, counted from 1; 0 before the first.
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
    def best_entry(self) -> dict[str, float]:
        """The history entry of the best epoch."""
        return self.history[self.best_epoch - 1]

    @property
    def seconds(self) -> float:
        """Time spent in finished epochs."""
        return sum(entry["seconds"] for entry in self.history)


def hold_run(
    folder: Path,
    *,
    remedy: str = "wait until it has ended, or use another folder with --run NAME",
    seconds: float = 0,
) -> AbstractContextManager[None]:
    """Lock a run's folder for this process while the block runs.

    The lock file is beside the folder: deleting the folder of a running process does not release the lock.

    Args:
        folder: the run's folder; it may be missing.
        remedy: what the user can do if another process holds the lock.
        seconds: how long to wait for that process.

    Raises:
        LockHeld: another process uses the folder; the message names it.
        StorageError: the lock cannot be written.
    """
    real = Path(os.path.realpath(folder))
    return locked(real.with_name(f".{real.name}.lock"), folder=folder, remedy=remedy, seconds=seconds)


def open_run(folder: Path, fingerprint: dict[str, Any]) -> RunState:
    """Read the state in a run's folder, or start a new run if there is none.

    Args:
        folder: the run's folder; created if missing.
        fingerprint: identifies the run; must equal that of the run to continue.

    Raises:
        ConfigError: the folder holds an unfinished run with other options, or its state cannot be read.
        StorageError: a new run's folder cannot be written.
    """
    state_path, config_path = folder / STATE_FILE, folder / CONFIG_FILE
    remove_stale(state_path)
    remove_stale(config_path)
    try:
        if state_path.is_file():
            _check_same(folder, json.loads(config_path.read_text(encoding="utf-8")), fingerprint)
            return _read(state_path)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ConfigError(
            f"{folder}: cannot read the state of the run ({short_reason(error)}); delete the folder, or use "
            "another one with --run NAME"
        ) from error
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder / LOGS, ignore_errors=True)
        write_text(config_path, json.dumps(fingerprint, indent=2) + "\n")
    return RunState()


def save_state(folder: Path, state: RunState) -> None:
    """Write the state; it replaces the previous one.

    Raises:
        StorageError: it cannot be written; the previous one is unchanged.
    """
    groups = {"variables": state.variables, "average": state.average, "best": state.best}
    arrays = {f"{name}_{i}": array for name, group in groups.items() for i, array in enumerate(group)}
    scalars = {"history": state.history, "best_epoch": state.best_epoch}
    # NumPy leaves an incomplete archive behind if writing fails; `file.write` does not.
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, scalars=np.array(json.dumps(scalars)), **arrays)
    with atomic_write(folder / STATE_FILE) as file:
        file.write(content.getbuffer())


def close_run(folder: Path) -> None:
    """Delete the state of a finished run; the next run in the folder starts from the beginning.

    Raises:
        StorageError: it cannot be deleted.
    """
    path = folder / STATE_FILE
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        reason = short_reason(error)
        raise StorageError(
            f"{path}: cannot be deleted ({reason}); the run has finished: delete the file before the next run"
        ) from error


def _read(path: Path) -> RunState:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        scalars = json.loads(str(arrays["scalars"]))
        groups = {group: _numbered(arrays, group) for group in ("variables", "average", "best")}
    return RunState(history=scalars["history"], best_epoch=scalars["best_epoch"], **groups)


def _numbered(arrays: Mapping[str, NDArray[Any]], group: str) -> Arrays:
    count = sum(name.startswith(f"{group}_") for name in arrays)
    return [arrays[f"{group}_{i}"] for i in range(count)]


def _check_same(folder: Path, stored: dict[str, Any], given: dict[str, Any]) -> None:
    for name in sorted(stored.keys() | given.keys()):
        if stored.get(name) != given.get(name):
            raise ConfigError(
                f"{folder}: holds an unfinished run with other options ({name}: {stored.get(name)} in the "
                f"folder, {given.get(name)} now); repeat the same options to continue it, use another folder "
                "with --run NAME, or delete the folder"
            )
