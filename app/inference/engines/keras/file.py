"""Opening a `.keras` file without trusting it: three known members, known layers, and numbers.

The file's digest has been checked against the contract before; this is the second lock, for Keras has had a
row of holes in loading (CVE-2024-3660, CVE-2025-1550, CVE-2025-9906, CVE-2026-1669 among them). `check` needs
no Keras and runs at every start: the archive, and all that the configuration would make. `load_model` runs
where Keras does and adds what needs h5py and Keras: that the weights are in the file, and that the model is
no larger than they are. What is loaded is a copy of the very bytes that were checked, in Keras' safe mode.
"""

from __future__ import annotations

import math
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from app.contract.archive import read_members
from app.contract.wording import reason_of
from app.errors import ArtifactError
from app.inference.engines.keras.config import read_config
from app.inference.engines.keras.weights import SIGNATURE, count_numbers

CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
# Most bytes of each member.
MEMBERS = {CONFIG: 4 * 1024 * 1024, WEIGHTS: 256 * 1024 * 1024, METADATA: 64 * 1024}


class _Checked(NamedTuple):
    """A `.keras` file whose archive and configuration are allowed."""

    members: dict[str, bytes]
    config: Any


def check(path: Path) -> None:
    """Compare the archive, and all that its configuration would construct, with what is allowed.

    Raises:
        ArtifactError: names the file and the first thing that is not allowed.
    """
    _read(path)


def load_model(path: Path) -> Any:
    """Load a checked `.keras` file with the Keras backend that is in force.

    Returns:
        A `keras.Model` in inference form (not compiled for training).

    Raises:
        ArtifactError: the file is damaged, holds something that is not allowed, or Keras refuses it.
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
        except Exception as error:  # each layer refuses a configuration in its own way
            reason = reason_of(error, without=folder)
            raise ArtifactError(f"{path}: cannot be loaded: {reason}") from error


def output_names(model: Any) -> list[str]:
    """Names of a functional model's outputs, in the order in which Keras flattens them.

    Those of a dict are its keys, which Keras sorts; a list's or an only output's is that of its layer.
    """
    return sorted(model.output) if isinstance(model.output, dict) else list(model.output_names)


def _read(path: Path) -> _Checked:
    members = read_members(path, MEMBERS, optional=frozenset())
    if not members[WEIGHTS].startswith(SIGNATURE):
        raise ArtifactError(f"{path}: {WEIGHTS} is no HDF5 file")
    try:
        return _Checked(members, read_config(members[CONFIG]))
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {CONFIG}: {error}") from error


def _check_size(keras: Any, config: Any, stored: int) -> None:
    """Check that a configuration makes no more weights than are stored, before there is memory for any.

    In a stateless scope Keras gives variables their shapes and no values. It remembers them in order to fill
    them later, and does so for each thread: this one's ends here, and what it remembered with it.
    """

    def count() -> int:
        with keras.StatelessScope(initialize_variables=False):
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        return sum(math.prod(weight.shape) for weight in model.weights)

    with ThreadPoolExecutor(max_workers=1) as thread:
        needed = thread.submit(count).result()
    if needed > stored:
        raise ArtifactError(f"{CONFIG} asks for {needed:,} weights, {WEIGHTS} holds {stored:,}")


def _write(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
