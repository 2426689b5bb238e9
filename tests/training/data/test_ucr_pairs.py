"""Pairs of files whose test accuracy would be meaningless are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.data.ucr import read_dataset
from training.errors import DataError


def test_the_training_file_is_refused_as_test_file(tmp_path: Path, write_file: Callable[..., Path]) -> None:
    """The same content is refused under any file name."""
    series = np.random.default_rng(0).standard_normal((4, 8))
    train, test = (write_file(tmp_path / f"a_{part}.tsv", series, [1, 2, 1, 2]) for part in ("TRAIN", "TEST"))
    with pytest.raises(
        DataError, match=r"a_TEST\.tsv: the same content as .*a_TRAIN\.tsv; .*: use another test file"
    ):
        read_dataset("a", train, test, digests={}, remedy="")


@pytest.mark.parametrize("start", [0, 1])
def test_row_numbers_are_refused_as_labels(
    tmp_path: Path, write_file: Callable[..., Path], start: int
) -> None:
    """The index column of a data frame would make each series a class of its own."""
    random = np.random.default_rng(0)
    train, test = (
        write_file(
            tmp_path / f"a_{part}.tsv", random.standard_normal((count, 9)), range(start, start + count)
        )
        for part, count in (("TRAIN", 20), ("TEST", 10))
    )
    with pytest.raises(DataError, match=r"a_TRAIN\.tsv: row 1: the labels are the row numbers, as in"):
        read_dataset("a", train, test, digests={}, remedy="")


def test_a_series_of_each_class_is_enough(tmp_path: Path, write_file: Callable[..., Path]) -> None:
    """As in the archive's Fungi: its training labels equal the row numbers, its test labels do not."""
    random = np.random.default_rng(0)
    train = write_file(tmp_path / "a_TRAIN.tsv", random.standard_normal((18, 9)), range(1, 19))
    test = write_file(tmp_path / "a_TEST.tsv", random.standard_normal((20, 9)), [1, *range(1, 19), 18])
    assert len(read_dataset("a", train, test, digests={}, remedy="").labels) == 18
