"""Reading UCR files: what is right is read as it is, what is wrong is said in one line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.data import read_dataset, read_rows
from training.errors import DataError
from training.sources import KNOWN, package_folder

GOOD = "1\t0.5\t1.5\t2.5\t3.5\t4.5\t5.5\t6.5\t7.5"
REMEDY = "fetch it again"


def _refusal(path: Path, text: str, *, expected: str | None = None) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_rows(path, expected=expected, remedy=REMEDY)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_forda_is_read_whole() -> None:
    """The package's FordA has the known shape, classes and digests."""
    folder = package_folder()
    assert folder is not None
    train, test = (folder / name for name in KNOWN["FordA"].sha256)
    dataset = read_dataset("FordA", train, test, digests=KNOWN["FordA"].sha256, remedy=REMEDY)
    assert dataset.train.shape == (3601, 500)
    assert dataset.test.shape == (1320, 500)
    assert dataset.labels == ("-1", "1")
    assert dataset.sha256 == KNOWN["FordA"].sha256
    assert dataset.train_targets.mean() == pytest.approx(0.487, abs=1e-3)


def test_values_and_labels_are_kept(tmp_path: Path) -> None:
    """Values are read as stored, and labels that are whole numbers are written as such."""
    path = tmp_path / "a.tsv"
    path.write_text(f"{GOOD}\n-1.0000000e+00{GOOD[1:]}\n", encoding="utf-8")
    rows = read_rows(path, expected=None, remedy=REMEDY)
    assert rows.labels == ("1", "-1")
    np.testing.assert_array_equal(rows.series, np.tile(np.arange(8) + 0.5, (2, 1)))
    assert rows.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is named, with the remedy."""
    path = tmp_path / "gone.tsv"
    with pytest.raises(DataError) as caught:
        read_rows(path, expected=None, remedy=REMEDY)
    assert str(caught.value) == f"{path}: cannot be read (No such file or directory); fetch it again"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{GOOD}\n{GOOD}\n1\t0.5\t1.5", "row 3: 2 values where row 1 has 8: cut off or of another length"),
        (f"{GOOD}\n{GOOD}\t9", "row 2: 9 values where row 1 has 8"),
        (f"{GOOD}\n{GOOD.replace('2.5', '2.x5')}", "row 2: not a number: '2.x5'; fetch it again"),
        (f"{GOOD}\n\n{GOOD}", "row 2: not a number: ''"),
        (f"{GOOD}\n{GOOD[:-3]}", "row 2: not a number: ''"),
        (
            f"{GOOD}\n{GOOD.replace('2.5', 'NaN')}",
            "row 2: value 3 is NaN: series with gaps or of varying length",
        ),
        (f"{GOOD}\n{GOOD.replace('7.5', 'inf')}", "row 2: value 8 is inf"),
        (f"{GOOD}\nnan{GOOD[1:]}", "row 2: the label is nan"),
        ("1\t2\t3\n", "row 1: 2 values, but series need at least 8"),
        ("", "row 1: the file is empty; fetch it again"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, text: str, said: str) -> None:
    """Rows that are cut off, too long, not numeric or with gaps are named with file, row and remedy."""
    assert said in _refusal(tmp_path / "bad.tsv", text)


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    """A file in which every row reads well, but whose digest is not the known one, is refused."""
    message = _refusal(tmp_path / "altered.tsv", f"{GOOD}\n{GOOD}\n", expected="ab" * 32)
    assert "all 2 rows can be read" in message
    assert "altered" in message
    assert message.endswith("fetch it again")


def test_forda_cut_off_in_a_row_names_the_row(tmp_path: Path) -> None:
    """A download that ended within a row is said to be cut off there, before its digest is mentioned."""
    folder = package_folder()
    assert folder is not None
    whole = (folder / "FordA_TEST.tsv").read_bytes()
    path = tmp_path / "FordA_TEST.tsv"
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(DataError, match=r"FordA_TEST\.tsv: row 441: \d+ values where row 1 has 500: cut off"):
        read_rows(path, expected=KNOWN["FordA"].sha256[path.name], remedy=REMEDY)


def test_classes_come_in_numeric_order(tmp_path: Path, write_file: Callable[..., Path]) -> None:
    """Labels are sorted as numbers, and targets are their places."""
    series = np.random.default_rng(0).standard_normal((4, 8))
    train = write_file(tmp_path / "a_TRAIN.tsv", series, [10, 2, -1, 2])
    test = write_file(tmp_path / "a_TEST.tsv", series, [2, 2, 10, -1])
    dataset = read_dataset("a", train, test, digests={}, remedy=REMEDY)
    assert dataset.labels == ("-1", "2", "10")
    assert dataset.train_targets.tolist() == [2, 1, 0, 1]
    assert dataset.test_targets.tolist() == [1, 1, 2, 0]


@pytest.mark.parametrize(
    ("train_labels", "test_labels", "test_length", "said"),
    [
        ([1, 1], [1, 1], 8, "a_TRAIN.tsv: all rows have the label 1"),
        ([1, 2], [1, 3], 8, "a_TEST.tsv: row 2: the label 3 is none of the training file's (1, 2)"),
        ([1, 2], [1, 2], 9, "a_TEST.tsv: row 1: 9 values, but those of a_TRAIN.tsv have 8"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path,
    write_file: Callable[..., Path],
    train_labels: list[int],
    test_labels: list[int],
    test_length: int,
    said: str,
) -> None:
    """A single class, a label unknown in training and another length are each said in one line."""
    train = write_file(tmp_path / "a_TRAIN.tsv", np.ones((2, 8)), train_labels)
    test = write_file(tmp_path / "a_TEST.tsv", np.ones((2, test_length)), test_labels)
    with pytest.raises(DataError) as caught:
        read_dataset("a", train, test, digests={}, remedy=REMEDY)
    assert said in str(caught.value)
