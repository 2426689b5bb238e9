"""Data sets to learn from: a training and a test file that belong together.

Length, classes and labels come from the files alone. Whatever is wrong with a file is said in one line
that names the file, the row and the remedy. This module knows no data set by name, no runtime and no format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.readers import GapRules, SeriesFile, read_series_file, sorted_labels
from training.errors import DataError

# Below this, a spectrum has too few bins to be cut into tokens.
SHORTEST = 8
# Of fewer rows, labels that count may be meant.
FEWEST_NUMBERED = 10
_ONE_DATASET = "give a train and a test file of the same data set"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A train and a test file that belong together.

    Attributes:
        labels: the classes, in numeric order where all are numbers; a target is an index into it.
        train: `float64[n, *SeriesSpec.shape]`, as stored; `train_targets` is `int64[n]`. The same for `test`.
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
        """Values in a channel of a series."""
        return int(self.train.shape[1])

    @property
    def channels(self) -> int:
        """Values at each time step: 1 of all that is read from files."""
        return int(self.train.shape[2]) if self.train.ndim == 3 else 1


def read_dataset(
    name: str,
    train: Path,
    test: Path,
    *,
    digests: Mapping[str, str],
    remedy: str,
    rules: GapRules | None = None,
) -> Dataset:
    """Read a pair of files.

    Args:
        name: what to call the data set.
        train: the training file.
        test: the test file.
        digests: file name to the SHA-256 it must have; files not named here are not checked.
        remedy: what a person can do about a damaged file, an imperative clause; empty if nothing is known.
        rules: what to do about missing values and unequal lengths; test series are padded to the length of
            the training series.

    Raises:
        DataError: a file is missing, cut off, altered or unusable, or the two do not belong together.
    """
    rules = rules or GapRules()
    first = read_rows(train, expected=digests.get(train.name), remedy=remedy, rules=rules)
    length = first.values.shape[1]
    second = read_rows(
        test, expected=digests.get(test.name), remedy=remedy, rules=replace(rules, length=length)
    )
    if second.values.shape[1] != length:
        raise DataError(
            f"{second.place(0)}: {second.values.shape[1]} values, but those of {first.path.name} have "
            f"{length}; {_ONE_DATASET}"
        )
    labels = sorted_labels(_labels(first))
    if len(labels) < 2:
        raise DataError(f"{first.path}: all rows have the label {labels[0]}; a classifier needs two classes")
    for file in (first, second):
        _refuse_constant(file)
    _refuse_no_test(first, second)
    return Dataset(
        name=name,
        labels=labels,
        train=first.values.astype(np.float64),
        train_targets=_targets(first, labels),
        test=second.values.astype(np.float64),
        test_targets=_targets(second, labels),
        sha256=dict(zip(_names(first.path, second.path), (first.sha256, second.sha256), strict=True)),
    )


def read_rows(
    path: Path,
    *,
    expected: str | None,
    remedy: str,
    rules: GapRules | None = None,
    limit: int | None = None,
) -> SeriesFile:
    """Read one file and check every value, and its SHA-256 where one is expected; at most `limit` rows.

    Raises:
        DataError: names the file, the row where there is one, and the remedy.
    """
    otherwise = f"; if the file is damaged, {remedy}" if remedy else ""
    try:
        file = read_series_file(path, rules=rules, limit=limit)
    except UnreadableSeries as error:
        raise DataError(f"{error}{otherwise}") from error
    count, length = file.values.shape
    if length < SHORTEST:
        raise DataError(
            f"{file.place(0)}: {length} values, but series need at least {SHORTEST}; "
            f"give rows of a label and the values of one series{otherwise}"
        )
    if expected is not None and file.sha256 != expected:
        raise DataError(
            f"{path}: all {count} rows can be read, but this is not the known file: it was cut off or "
            f"altered (SHA-256 is {file.sha256[:12]}…, not {expected[:12]}…); {remedy}"
        )
    return file


def _labels(file: SeriesFile) -> tuple[str, ...]:
    if file.labels is None:
        raise DataError(
            f"{file.path}: has no labels; give a text file with a label before the values of each series, or "
            "an .npz with an array named labels"
        )
    return file.labels


def _refuse_no_test(train: SeriesFile, test: SeriesFile) -> None:
    """Refuse pairs of files that train and measure without an error, and mean nothing."""
    if train.sha256 == test.sha256:
        raise DataError(
            f"{test.path}: the same as {train.path}, and series that were learnt are no test; "
            "give another test file"
        )
    if all(_are_row_numbers(_labels(file)) for file in (train, test)):
        raise DataError(
            f"{train.place(0)}: the label is the number of the row, here and in {test.path.name}; "
            "remove the first column if the labels are in the next one"
        )


def _are_row_numbers(labels: tuple[str, ...]) -> bool:
    return len(labels) >= FEWEST_NUMBERED and any(
        labels == tuple(map(str, range(start, start + len(labels)))) for start in (0, 1)
    )


def _refuse_constant(file: SeriesFile) -> None:
    constant = np.flatnonzero(np.ptp(file.values, axis=1) == 0)
    if len(constant):
        index = int(constant[0])
        more = f" (and {len(constant) - 1} more)" if len(constant) > 1 else ""
        raise DataError(
            f"{file.place(index)}: all values are {file.values[index, 0]:g}{more}: a constant series has no "
            "shape to learn from; remove the row"
        )


def _names(train: Path, test: Path) -> tuple[str, str]:
    if train.name != test.name:
        return train.name, test.name
    return f"train/{train.name}", f"test/{test.name}"


def _targets(file: SeriesFile, labels: tuple[str, ...]) -> NDArray[np.int64]:
    index = {label: i for i, label in enumerate(labels)}
    for number, label in enumerate(_labels(file)):
        if label not in index:
            raise DataError(
                f"{file.place(number)}: the label {label} is none of the training file's "
                f"({_shown(labels)}); {_ONE_DATASET}"
            )
    return np.array([index[label] for label in _labels(file)], dtype=np.int64)


def _shown(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels)
    return shown if len(shown) <= 80 else f"{shown[:79]}…"
