"""Reading UCR-format files: tab-separated rows of a label and the values of one series.

Length, classes and labels come from the files alone. Whatever is wrong with a file is said in one line
that names the file, the row and the remedy. This module knows no data set by name and no runtime.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.errors import DataError

# Below this, a spectrum has too few bins to be cut into tokens.
SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Rows:
    """One file: `float64[n, length]` values as stored, and each row's label as the contract writes it."""

    path: Path
    sha256: str
    series: NDArray[np.float64]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A train and a test file that belong together.

    Attributes:
        labels: the classes in numeric order; a target is an index into it.
        train: `float64[n, length]`, as stored; `train_targets` is `int64[n]`. The same for `test`.
        sha256: file name to digest of what was read.
    """

    name: str
    labels: tuple[str, ...]
    train: NDArray[np.float64]
    train_targets: NDArray[np.int64]
    test: NDArray[np.float64]
    test_targets: NDArray[np.int64]
    sha256: Mapping[str, str]

    @property
    def length(self) -> int:
        """Values a series."""
        return int(self.train.shape[1])


def read_dataset(name: str, train: Path, test: Path, *, digests: Mapping[str, str], remedy: str) -> Dataset:
    """Read a pair of files.

    Args:
        name: what to call the data set.
        train: the training file.
        test: the test file.
        digests: file name to the SHA-256 it must have; files not named here are not checked.
        remedy: what a person can do about a bad file, as the end of a sentence.

    Raises:
        DataError: a file is missing, cut off, altered or unusable, or the two do not belong together.
    """
    first = read_rows(train, expected=digests.get(train.name), remedy=remedy)
    second = read_rows(test, expected=digests.get(test.name), remedy=remedy)
    if first.series.shape[1] != second.series.shape[1]:
        raise DataError(
            f"{second.path}: row 1: {second.series.shape[1]} values, but those of {first.path.name} have "
            f"{first.series.shape[1]}; give a train and a test file of the same data set"
        )
    labels = tuple(sorted(set(first.labels), key=float))
    if len(labels) < 2:
        raise DataError(f"{first.path}: all rows have the label {labels[0]}; a classifier needs two classes")
    return Dataset(
        name=name,
        labels=labels,
        train=first.series,
        train_targets=_targets(first, labels),
        test=second.series,
        test_targets=_targets(second, labels),
        sha256={first.path.name: first.sha256, second.path.name: second.sha256},
    )


def read_rows(path: Path, *, expected: str | None, remedy: str, limit: int | None = None) -> Rows:
    """Read one file and check every value, and its SHA-256 where one is expected; at most `limit` rows.

    Raises:
        DataError: names the file, the row where there is one, and the remedy.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    rows = [
        _parse_row(line, where=f"{path}: row {number}", remedy=remedy)
        for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines()[:limit], start=1)
    ]
    if not rows:
        raise DataError(f"{path}: row 1: the file is empty; {remedy}")
    length = len(rows[0][1])
    if length < SHORTEST:
        raise DataError(
            f"{path}: row 1: {length} values, but series need at least {SHORTEST}; "
            "give a tab-separated file of a label and the values of one series a row"
        )
    for number, (_, values) in enumerate(rows, start=1):
        if len(values) != length:
            raise DataError(
                f"{path}: row {number}: {len(values)} values where row 1 has {length}: "
                f"cut off or of another length; {remedy}"
            )
    actual = hashlib.sha256(content).hexdigest()
    if expected is not None and actual != expected:
        raise DataError(
            f"{path}: all {len(rows)} rows can be read, but this is not the known file: it was cut off or "
            f"altered (SHA-256 is {actual[:12]}…, not {expected[:12]}…); {remedy}"
        )
    return Rows(
        path=path,
        sha256=actual,
        series=np.array([values for _, values in rows], dtype=np.float64),
        labels=tuple(label for label, _ in rows),
    )


def _parse_row(line: str, *, where: str, remedy: str) -> tuple[str, list[float]]:
    label, *fields = line.split("\t")
    try:
        values = [float(field) for field in fields]
        kind = float(label)
    except ValueError as error:
        raise DataError(f"{where}: not a number: {error.args[0].split(': ')[-1]}; {remedy}") from error
    if not math.isfinite(kind):
        raise DataError(f"{where}: the label is {label}, not a number; {remedy}")
    if not math.isfinite(math.fsum(values)):
        column = next(i for i, value in enumerate(values, start=1) if not math.isfinite(value))
        raise DataError(
            f"{where}: value {column} is {fields[column - 1]}: series with gaps or of varying length are not "
            "supported; fill the gaps, or cut all series to one length"
        )
    return (str(int(kind)) if kind.is_integer() else repr(kind)), values


def _targets(rows: Rows, labels: tuple[str, ...]) -> NDArray[np.int64]:
    index = {label: i for i, label in enumerate(labels)}
    for number, label in enumerate(rows.labels, start=1):
        if label not in index:
            raise DataError(
                f"{rows.path}: row {number}: the label {label} is none of the training file's "
                f"({', '.join(labels)}); give a train and a test file of the same data set"
            )
    return np.array([index[label] for label in rows.labels], dtype=np.int64)
