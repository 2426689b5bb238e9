"""Reading UCR files: valid files are read unchanged, and each problem is one line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.series.readers import GapRules
from training.data.sources import KNOWN_DATASETS, package_folder
from training.data.ucr import read_dataset, read_ucr_file
from training.errors import DataError

GOOD = "1\t0.5\t1.5\t2.5\t3.5\t4.5\t5.5\t6.5\t7.5"
REMEDY = "fetch it again"


def _refusal(path: Path, text: str, *, expected: str | None = None) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_ucr_file(path, expected=expected, remedy=REMEDY)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_forda_is_read_completely() -> None:
    """The package's FordA has the known shape, classes and digests."""
    folder = package_folder()
    assert folder is not None
    train, test = (folder / name for name in KNOWN_DATASETS["FordA"].sha256)
    dataset = read_dataset("FordA", train, test, digests=KNOWN_DATASETS["FordA"].sha256, remedy=REMEDY)
    assert dataset.train.shape == (3601, 500)
    assert dataset.test.shape == (1320, 500)
    assert dataset.labels == ("-1", "1")
    assert dataset.sha256 == KNOWN_DATASETS["FordA"].sha256
    assert dataset.train_targets.mean() == pytest.approx(0.487, abs=1e-3)


def test_values_and_labels_are_kept(tmp_path: Path) -> None:
    """Values are read as stored; integral labels lose their decimals."""
    path = tmp_path / "a.tsv"
    path.write_text(f"{GOOD}\n-1.0000000e+00{GOOD[1:]}\n", encoding="utf-8")
    rows = read_ucr_file(path, expected=None, remedy=REMEDY)
    assert rows.labels == ("1", "-1")
    np.testing.assert_array_equal(rows.values, np.tile(np.arange(8) + 0.5, (2, 1)))
    assert rows.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A missing file is named, with the remedy."""
    path = tmp_path / "gone.tsv"
    with pytest.raises(DataError) as caught:
        read_ucr_file(path, expected=None, remedy=REMEDY)
    assert str(caught.value) == (
        f"{path}: cannot be read (No such file or directory); give a regular file that may be read; "
        f"if the file is damaged, {REMEDY}"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{GOOD}\n{GOOD}\n1\t0.5\t1.5", "row 3: 2 values, but row 1 has 8"),
        (f"{GOOD}\n{GOOD}\t9", "row 2: 9 values, but row 1 has 8"),
        (
            f"{GOOD}\n{GOOD.replace('2.5', '2.x5')}",
            "row 2: value 3 is '2.x5', not a number; write a number there",
        ),
        (f"{GOOD}\n\n{GOOD}", "row 2: the row is empty; remove it"),
        (f"{GOOD}\n{GOOD[:-3]}", "row 2: 7 values, but row 1 has 8"),
        (
            f"{GOOD}\n{GOOD.replace('2.5', 'NaN')}",
            "row 2: value 3 is missing; fill it in, or give --missing interpolate",
        ),
        (f"{GOOD}\n{GOOD.replace('7.5', 'inf')}", "row 2: value 8 is 'inf', infinite"),
        (f"{GOOD}\nnan{GOOD[1:]}", "row 2: the label is missing ('nan')"),
        ("1\t2\t3\n", "row 1: 2 values, but a series needs at least 8"),
        ("", "the file is empty; give a file of series; if the file is damaged, fetch it again"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, text: str, expected: str) -> None:
    """Rows that are cut off, too long, not numeric or with gaps are named with file, row and remedy."""
    assert expected in _refusal(tmp_path / "bad.tsv", text)


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    """A readable file with another digest is refused."""
    message = _refusal(tmp_path / "altered.tsv", f"{GOOD}\n{GOOD}\n", expected="ab" * 32)
    assert "all 2 series can be read" in message
    assert "altered" in message
    assert message.endswith("fetch it again")


def test_forda_cut_off_in_a_row_names_the_row(tmp_path: Path) -> None:
    """A download that ended within a row is reported as cut off there, before its digest is checked."""
    folder = package_folder()
    assert folder is not None
    whole = (folder / "FordA_TEST.tsv").read_bytes()
    path = tmp_path / "FordA_TEST.tsv"
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(DataError, match=r"FordA_TEST\.tsv: row 441: \d+ values, but row 1 has 500; cut all"):
        read_ucr_file(path, expected=KNOWN_DATASETS["FordA"].sha256[path.name], remedy=REMEDY)


def test_classes_come_in_numeric_order(tmp_path: Path, write_file: Callable[..., Path]) -> None:
    """Labels are sorted as numbers, and targets are indices into them."""
    series = np.random.default_rng(0).standard_normal((4, 8))
    train = write_file(tmp_path / "a_TRAIN.tsv", series, [10, 2, -1, 2])
    test = write_file(tmp_path / "a_TEST.tsv", series, [2, 2, 10, -1])
    dataset = read_dataset("a", train, test, digests={}, remedy=REMEDY)
    assert dataset.labels == ("-1", "2", "10")
    assert dataset.train_targets.tolist() == [2, 1, 0, 1]
    assert dataset.test_targets.tolist() == [1, 1, 2, 0]


@pytest.mark.parametrize(
    ("train_labels", "test_labels", "test_length", "expected"),
    [
        ([1, 1], [1, 1], 8, "a_TRAIN.tsv: all series have the label 1"),
        ([1, 2], [1, 3], 8, "a_TEST.tsv: row 2: the label 3 is not in the training file (1, 2)"),
        ([1, 2], [1, 2], 9, "a_TEST.tsv: row 1: 9 values, but the series in a_TRAIN.tsv have 8"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path,
    write_file: Callable[..., Path],
    train_labels: list[int],
    test_labels: list[int],
    test_length: int,
    expected: str,
) -> None:
    """A single class, a label unknown in training and another length are each one line."""
    train = write_file(tmp_path / "a_TRAIN.tsv", np.eye(2, 8), train_labels)
    test = write_file(tmp_path / "a_TEST.tsv", np.eye(2, test_length), test_labels)
    with pytest.raises(DataError) as caught:
        read_dataset("a", train, test, digests={}, remedy=REMEDY)
    assert expected in str(caught.value)


@pytest.mark.parametrize("part", ["a_TRAIN.tsv", "a_TEST.tsv"])
def test_constant_series_are_refused(tmp_path: Path, write_file: Callable[..., Path], part: str) -> None:
    """A constant series is reported with its row, in either file."""
    for name in ("a_TRAIN.tsv", "a_TEST.tsv"):
        series = np.eye(3, 8)
        series[1:] = 101325 if name == part else series[1:]
        write_file(tmp_path / name, series, [1, 2, 1])
    with pytest.raises(DataError) as caught:
        read_dataset("a", tmp_path / "a_TRAIN.tsv", tmp_path / "a_TEST.tsv", digests={}, remedy="")
    assert str(caught.value) == (
        f"{tmp_path / part}: row 2: all values are 101325 (and 1 more); a constant series cannot be "
        "learned: remove the row"
    )


def test_values_beyond_float32_are_refused(tmp_path: Path, write_file: Callable[..., Path]) -> None:
    """Training would treat them as zeros."""
    path = write_file(tmp_path / "a.tsv", np.eye(2, 8), [1, 2])
    path.write_text(path.read_text(encoding="utf-8") + "1" + "\t1e300" * 8, encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.tsv: row 3: value 1 is '1e\+300', beyond the range of float32"):
        read_ucr_file(path, expected=None, remedy="")


def test_text_labels_come_in_the_order_of_text(tmp_path: Path, write_file: Callable[..., Path]) -> None:
    """Labels are sorted as text if one is no number; 9 and 9.0 are the same class."""
    series = np.random.default_rng(0).standard_normal((3, 8))
    train = write_file(tmp_path / "a_TRAIN.tsv", series, ["b", "10", "9.0"])
    test = write_file(tmp_path / "a_TEST.tsv", series, ["9", "10.0", "b"])
    dataset = read_dataset("a", train, test, digests={}, remedy="")
    assert dataset.labels == ("10", "9", "b")
    assert dataset.test_targets.tolist() == [1, 0, 2]


def test_files_without_labels_are_refused(tmp_path: Path) -> None:
    """An array without labels cannot be used for training."""
    np.save(tmp_path / "a.npy", np.eye(3, 8))
    with pytest.raises(DataError, match=r"a\.npy: has no labels; use a text file with a label before"):
        read_dataset("a", tmp_path / "a.npy", tmp_path / "a.npy", digests={}, remedy="")


def test_files_of_one_name_keep_both_digests(tmp_path: Path, write_file: Callable[..., Path]) -> None:
    """Two files with the same name in different folders keep a digest each."""
    series = np.random.default_rng(0).standard_normal((2, 8))
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        write_file(tmp_path / part / "a.csv", series, ["x", part] if part == "train" else ["x", "x"])
    dataset = read_dataset("a", tmp_path / "train/a.csv", tmp_path / "test/a.csv", digests={}, remedy="")
    assert dataset.sha256.keys() == {"train/a.csv", "test/a.csv"}


def test_a_set_of_varying_length_is_read_with_padding() -> None:
    """The archive's: its longest test series is longer than any training series; the files have one width."""
    folder = package_folder()
    assert folder is not None
    train, test = (folder / f"AllGestureWiimoteY_{part}.tsv" for part in ("TRAIN", "TEST"))
    with pytest.raises(DataError, match="or give --unequal pad"):
        read_dataset("a", train, test, digests={}, remedy=REMEDY)
    rules = GapRules(unequal="pad")
    dataset = read_dataset("a", train, test, digests={}, remedy=REMEDY, rules=rules)
    assert (dataset.length, dataset.test.shape) == (500, (700, 500))


def test_a_test_series_longer_than_training_is_refused(
    tmp_path: Path, write_file: Callable[..., Path]
) -> None:
    """Test series are padded to the training length, and none is cut."""
    random = np.random.default_rng(0)
    train = write_file(tmp_path / "a_TRAIN.tsv", random.standard_normal((2, 8)), [1, 2])
    test = write_file(tmp_path / "a_TEST.tsv", random.standard_normal((2, 9)), [1, 2])
    with pytest.raises(
        DataError, match=r"a_TEST\.tsv: row 1: 9 values; the model was trained on 8; cut the series to"
    ):
        read_dataset("a", train, test, digests={}, remedy="", rules=GapRules(unequal="pad"))
    assert read_dataset("a", test, train, digests={}, remedy="", rules=GapRules(unequal="pad")).length == 9
