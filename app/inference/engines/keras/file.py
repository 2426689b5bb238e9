"""Opens an untrusted `.keras` file: three known members, allowed layers, and numbers.

The digest was checked against the contract before. This is the second line of defence, because loading in
Keras had several vulnerabilities (CVE-2024-3660, CVE-2025-1550, CVE-2025-9906, CVE-2026-1669 among them).
`check` runs at every start, without Keras: it checks the archive and the configuration. `load_model` also
checks, with h5py and Keras, that the weights are in the file and that the model is no larger than they are.
It loads a copy of the checked bytes, in Keras' safe mode.
"""

from __future__ import annotations

import math
import tempfile
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from app.contract.archive import read_members
from app.contract.wording import reason_of
from app.errors import ArtifactError
from app.inference.engines.keras.config import read_config
from app.inference.engines.keras.weights import SIGNATURE, count_numbers

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
# Largest size of each member, in bytes.
MEMBERS = {CONFIG: 4 * 1024 * 1024, WEIGHTS: 256 * 1024 * 1024, METADATA: 64 * 1024}


class _Checked(NamedTuple):
    """A `.keras` file with a checked archive and configuration."""

    members: dict[str, bytes]
    config: Any


def check(path: Path) -> None:
    """Check the archive and its configuration.

    Raises:
        ArtifactError: names the file and the first problem.
    """
    _read(path)


def load_model(path: Path) -> Any:
    """Check and load a `.keras` file with the current Keras backend.

    Returns:
        A `keras.Model` in inference form (not compiled for training).

    Raises:
        ArtifactError: the file is damaged, contains what is not allowed, or Keras refuses it.
    """
    checked = _read(path)
    try:
        stored = count_numbers(checked.members[WEIGHTS])
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {WEIGHTS}: {error}") from error
    import keras

    with tempfile.TemporaryDirectory() as folder:
        try:
            _check_size(keras, checked.config, stored)
            copy = Path(folder) / "model.keras"
            _write(copy, checked.members)
            return keras.saving.load_model(copy, compile=False, safe_mode=True)
        except Exception as error:  # each layer raises its own type
            reason = reason_of(error, without=folder)
            raise ArtifactError(f"{path}: cannot be loaded: {reason}") from error


def output_names(model: Any) -> list[str]:
    """Names of a functional model's outputs, in the order in which Keras flattens them.

    A dict's outputs are named by its keys, which Keras sorts; others by their layers.
    """
    return sorted(model.output) if isinstance(model.output, dict) else list(model.output_names)


def with_outputs(model: Any, names: Sequence[str]) -> Any:
    """A functional model with some of a model's outputs alone, by their names.

    Raises:
        ArtifactError: the model lacks an output.
    """
    import keras

    named = model.output if isinstance(model.output, dict) else {}
    if missing := [name for name in names if name not in named]:
        raise ArtifactError(
            f"model.keras has no output {missing[0]}; it has: {', '.join(output_names(model))}"
        )
    return keras.Model(model.input, {name: named[name] for name in names})


def _read(path: Path) -> _Checked:
    members = read_members(path, MEMBERS, optional=frozenset())
    if not members[WEIGHTS].startswith(SIGNATURE):
        raise ArtifactError(f"{path}: {WEIGHTS} is not an HDF5 file")
    try:
        return _Checked(members, read_config(members[CONFIG]))
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {CONFIG}: {error}") from error


def _check_size(keras: Any, config: Any, stored: int) -> None:
    """Check that a configuration has no more weights than are stored, before any is allocated.

    In a stateless scope Keras creates variables without values. It keeps a list of them for each thread, to
    fill them later; this runs in a thread of its own, which ends with its list.
    """

    def count() -> int:
        with keras.StatelessScope(initialize_variables=False):
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        return sum(math.prod(weight.shape) for weight in model.weights)

    with ThreadPoolExecutor(max_workers=1) as thread:
        needed = thread.submit(count).result()
    if needed > stored:
        raise ArtifactError(f"{CONFIG} needs {needed:,} weights, {WEIGHTS} has {stored:,}")


def _write(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
