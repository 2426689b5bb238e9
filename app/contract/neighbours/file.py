"""Reads `neighbours.npz`: the embeddings, labels and series of the training data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.contract.archive import members_of
from app.contract.files import read_file
from app.contract.golden_file import read_array
from app.contract.neighbours.series import StoredSeries
from app.contract.neighbours.spec import NeighboursSpec
from app.errors import ArtifactError
from app.series.spec import SeriesSpec

NEIGHBOURS_FILE = "neighbours.npz"
MAX_MEMBER_BYTES = 512 * 1024 * 1024
_ALWAYS = ("embeddings", "targets", "rows", "golden")
_OF_SERIES = ("values", "offsets", "steps")


@dataclass(frozen=True, slots=True)
class NeighbourFile:
    """The content of an index of n training series.

    Attributes:
        embeddings: `float32[n, dimension]`.
        targets: `int32[n]`, the class of each, an index into the contract's labels.
        rows: `int32[n]`, the row of each in the training file, from 0.
        golden: `float32[golden series, dimension]`, the embeddings of the golden series.
        series: the series as they are in the training file; None where they were left out.
    """

    embeddings: NDArray[np.float32]
    targets: NDArray[np.int32]
    rows: NDArray[np.int32]
    golden: NDArray[np.float32]
    series: StoredSeries | None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by their names in the file, for `numpy.savez`."""
        arrays = {name: getattr(self, name) for name in _ALWAYS}
        if self.series is not None:
            arrays |= {name: getattr(self.series, name) for name in _OF_SERIES}
        return arrays


def read_neighbours(
    path: Path, spec: NeighboursSpec, series: SeriesSpec, *, sha256: str, golden: int, classes: int
) -> NeighbourFile:
    """Read an index and check it.

    Args:
        path: of the file.
        spec: of the contract.
        series: of the model.
        sha256: the digest that the contract has for the file.
        golden: number of golden series.
        classes: of the model.

    Raises:
        ArtifactError: names the file and the first problem.
    """
    names = _ALWAYS if spec.series_error is None else (*_ALWAYS, *_OF_SERIES)
    limits = {f"{name}.npy": MAX_MEMBER_BYTES for name in names}
    content = read_file(path, most=MAX_MEMBER_BYTES)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactError(f"{path}: damaged: its SHA-256 is not the contract's; copy the version again")
    members = members_of(path, content, limits, optional=frozenset())

    def read(name: str, dtype: str, rows: int, *row: int) -> NDArray[Any]:
        return read_array(members[f"{name}.npy"], f"{path}: {name}", rows=rows, row=row, dtype=dtype)

    number, dimension = spec.number, spec.embedding.dimension
    stored = None
    if spec.series_error is not None:
        stored = StoredSeries(
            read("values", "<i2", number, *series.shape),
            read("offsets", "<f8", number, series.channels),
            read("steps", "<f8", number, series.channels),
        )
    found = NeighbourFile(
        embeddings=read("embeddings", "<f4", number, dimension),
        targets=read("targets", "<i4", number),
        rows=read("rows", "<i4", number),
        golden=read("golden", "<f4", golden, dimension),
        series=stored,
    )
    _check(found, path, classes=classes)
    return found


def _check(found: NeighbourFile, path: Path, *, classes: int) -> None:
    if found.targets.min() < 0 or found.targets.max() >= classes:
        raise ArtifactError(f"{path}: targets has a class that the contract does not have")
    for name, array in found.arrays().items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ArtifactError(f"{path}: {name} has a value that is not finite")
