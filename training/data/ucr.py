"""Read a data set: a training file and a test file that belong together.

Length and labels come from the files alone. Each problem with a file is one line: the file, the row, and what
to do. This module knows no data set by name, no runtime and no file format.
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

# A shorter series has too few frequency bins for the tokens.
MIN_LENGTH = 8
# With fewer series, labels that equal the row numbers can be real labels.
MIN_NUMBERED = 10
_ONE_DATASET = "use a training and a test file of the same data set"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set: training and test series with their labels.

    Attributes:
        labels: sorted, in numeric order if all are numbers; a target is an index into it.
        train: `float64[n, *SeriesSpec.shape]`, as stored; `train_targets` is `int64[n]`. The same for `test`.
        sha256: file name to the SHA-256 of the file; the training file first.
        train_rows: `int64[n]`, the row of each training series in its file, from 0; None for all, in order.
    """

    name: str
    labels: tuple[str, ...]
    train: NDArray[np.float64]
    train_targets: NDArray[np.int64]
    test: NDArray[np.float64]
    test_targets: NDArray[np.int64]
    sha256: Mapping[str, str]
    train_rows: NDArray[np.int64] | None = None

    @property
    def length(self) -> int:
        """Number of values in a channel of a series."""
        return int(self.train.shape[1])

    @property
    def channels(self) -> int:
        """Number of channels; 1 for every data set that is read from files."""
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
    """Read the training and the test file of a data set.

    Args:
        name: the name of the data set.
        train: the training file.
        test: the test file.
        digests: file name to the expected SHA-256; other files are not checked.
        remedy: what to do about a damaged file, an imperative clause; empty if unknown.
        rules: how to handle missing values and unequal lengths; test series are padded to the length of the
            training series.

    Raises:
        DataError: a file is missing, truncated, altered or unusable, or the two do not belong together.
    """
    rules = rules or GapRules()
    first = read_ucr_file(train, expected=digests.get(train.name), remedy=remedy, rules=rules)
    length = first.values.shape[1]
    second = read_ucr_file(
        test, expected=digests.get(test.name), remedy=remedy, rules=replace(rules, length=length)
    )
    if second.values.shape[1] != length:
        raise DataError(
            f"{second.place(0)}: {second.values.shape[1]} values, but the series in {first.path.name} "
            f"have {length}; {_ONE_DATASET}"
        )
    labels = sorted_labels(_labels(first))
    if len(labels) < 2:
        raise DataError(f"{first.path}: all series have the label {labels[0]}; add series of a second class")
    for file in (first, second):
        _refuse_constant(file)
    _refuse_invalid_test_set(first, second)
    return Dataset(
        name=name,
        labels=labels,
        train=first.values.astype(np.float64),
        train_targets=_targets(first, labels),
        test=second.values.astype(np.float64),
        test_targets=_targets(second, labels),
        sha256=dict(zip(_names(first.path, second.path), (first.sha256, second.sha256), strict=True)),
    )


def read_ucr_file(
    path: Path,
    *,
    expected: str | None,
    remedy: str,
    rules: GapRules | None = None,
    limit: int | None = None,
) -> SeriesFile:
    """Read one file and check its values, and its SHA-256 if one is expected; at most `limit` series.

    Raises:
        DataError: names the file, the row if there is one, and what to do.
    """
    damage_note = f"; if the file is damaged, {remedy}" if remedy else ""
    try:
        file = read_series_file(path, rules=rules, limit=limit)
    except UnreadableSeries as error:
        raise DataError(f"{error}{damage_note}") from error
    count, length = file.values.shape
    if length < MIN_LENGTH:
        raise DataError(
            f"{file.place(0)}: {length} values, but a series needs at least {MIN_LENGTH}; "
            f"write one series a row: its label, then its values{damage_note}"
        )
    if expected is not None and file.sha256 != expected:
        raise DataError(
            f"{path}: all {count} series can be read, but the file differs from the published one: it is "
            f"truncated or altered (SHA-256 is {file.sha256[:12]}…, not {expected[:12]}…); {remedy}"
        )
    return file


def _labels(file: SeriesFile) -> tuple[str, ...]:
    if file.labels is None:
        raise DataError(
            f"{file.path}: has no labels; use a text file with a label before the values of each series, or "
            "an .npz file with an array named labels"
        )
    return file.labels


def _refuse_invalid_test_set(train: SeriesFile, test: SeriesFile) -> None:
    """Refuse files whose test accuracy would be meaningless: test = training, or row numbers as labels."""
    if train.sha256 == test.sha256:
        raise DataError(
            f"{test.path}: the same content as {train.path}; test series must differ from training series: "
            "use another test file"
        )
    if all(_are_row_numbers(_labels(file)) for file in (train, test)):
        raise DataError(
            f"{train.place(0)}: the labels are the row numbers, as in {test.path.name}; if the "
            "real labels are in the second column, remove the first column"
        )


def _are_row_numbers(labels: tuple[str, ...]) -> bool:
    return len(labels) >= MIN_NUMBERED and any(
        labels == tuple(map(str, range(start, start + len(labels)))) for start in (0, 1)
    )


def _refuse_constant(file: SeriesFile) -> None:
    constant = np.flatnonzero(np.ptp(file.values, axis=1) == 0)
    if len(constant):
        index = int(constant[0])
        more = f" (and {len(constant) - 1} more)" if len(constant) > 1 else ""
        raise DataError(
            f"{file.place(index)}: all values are {file.values[index, 0]:g}{more}; a constant series cannot "
            "be learned: remove the row"
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
                f"{file.place(number)}: the label {label} is not in the training file "
                f"({_shortened(labels)}); {_ONE_DATASET}"
            )
    return np.array([index[label] for label in _labels(file)], dtype=np.int64)


def _shortened(labels: tuple[str, ...]) -> str:
    text = ", ".join(labels)
    return text if len(text) <= 80 else f"{text[:79]}…"
