"""Every format and dialect that is read gives the same series and labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.series.readers import SeriesFile
from tests.app.series.written import TEXT, WITH_LABELS, WITHOUT_LABELS, Fields, npy, npz
from training.data.sources import package_folder

Read = Callable[..., SeriesFile]


@pytest.fixture(scope="module")
def ford() -> tuple[Fields, NDArray[np.float64], tuple[str, ...]]:
    """FordA's first 165 test series as text, as values and as labels, each without the readers."""
    folder = package_folder()
    assert folder is not None
    text = (folder / "FordA_TEST.tsv").read_text(encoding="utf-8")
    fields = [line.split("\t") for line in text.splitlines()[:165]]
    values = np.array([row[1:] for row in fields], dtype=np.float64)
    return fields, values, tuple(row[0] for row in fields)


@pytest.mark.parametrize("kind", TEXT)
def test_every_text_gives_the_same_arrays(
    read: Read, ford: tuple[Fields, NDArray[np.float64], tuple[str, ...]], kind: str
) -> None:
    """FordA's test series, written with other separators, line ends, marks and rows, is read as it is."""
    fields, values, labels = ford
    name, write = TEXT[kind]
    file = read(write(fields), name)
    np.testing.assert_array_equal(file.values, values)
    assert file.labels == labels
    assert file.values.dtype == np.float64


@pytest.mark.parametrize("kind", WITH_LABELS)
def test_every_labelled_array_gives_the_same(
    read: Read, ford: tuple[Fields, NDArray[np.float64], tuple[str, ...]], kind: str
) -> None:
    """FordA's test series as `.npz` and ARFF are read as they are."""
    _, values, labels = ford
    name, write = WITH_LABELS[kind]
    file = read(write(labels, values), name)
    np.testing.assert_array_equal(file.values, values)
    assert file.labels == labels


@pytest.mark.parametrize("kind", WITHOUT_LABELS)
def test_every_plain_array_gives_the_same(
    read: Read, ford: tuple[Fields, NDArray[np.float64], tuple[str, ...]], kind: str
) -> None:
    """FordA's test series as `.npy`, `.npz` and JSON are read as they are, without labels."""
    name, write = WITHOUT_LABELS[kind]
    file = read(write(ford[1]), name)
    np.testing.assert_array_equal(file.values, ford[1].astype(file.values.dtype))
    narrow = {"npy, float32": np.float32, "npy, float16": np.float16}
    assert file.values.dtype == narrow.get(kind, np.float64)
    assert file.labels is None


def test_the_digest_is_that_of_the_stored_file(read: Read, tmp_path: Path) -> None:
    """A packed file's SHA-256 is what `sha256sum` says of it."""
    name, write = TEXT["gzip"]
    file = read(write([["1", "0.5", "1.5"]]), name)
    assert file.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [("f2", "f2"), ("f4", "f4"), (">f4", "f4"), ("f8", "f8"), ("i1", "f8"), ("u8", "f8"), ("g", "f8")],
)
def test_arrays_keep_their_precision(read: Read, dtype: str, kept: str) -> None:
    """float16 and float32 stay, all other numbers become float64, and none is narrowed."""
    file = read(npy(np.array([[1, 2, 3]], dtype)), "a.npy")
    assert file.values.dtype == np.dtype(kept)
    np.testing.assert_array_equal(file.values, [[1, 2, 3]])


def test_values_are_not_narrowed(read: Read) -> None:
    """A digit that float32 has not is still there, in text, JSON and arrays."""
    exact = 101325.0123456789
    for content, name in (
        (f"1\t{exact!r}\t0", "a.tsv"),
        (json.dumps([[exact, 0]]), "a.json"),
        (npy(np.array([[exact, 0]])), "a.npy"),
    ):
        assert read(content, name).values[0, 0] == exact


@pytest.mark.parametrize("content", [b"1\t0.5", npy(np.array([0.5])), b"[0.5]"])
def test_one_series_is_enough(read: Read, content: bytes) -> None:
    """A single series, in an array without a list around it as well, is a file of one row."""
    np.testing.assert_array_equal(read(content, "a").values, [[0.5]])


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("1 5\n1.0 5\n1.0000000e+00 5\n+1 5\n01 5", ("1",) * 5),
        ("-1 5\n2.5 5\n1e3 5\n-0.0 5", ("-1", "2.5", "1000", "0")),
        ("walk 5\nRun 5\nsit_down 5", ("walk", "Run", "sit_down")),
        ("NA 5\nnone 5\ntrue 5", ("NA", "none", "true")),
        ("new york\t5\n a b \t5", ("new york", "a b")),
        ('"a, b",5\n"c ""d""",5', ("a, b", 'c "d"')),
        ("a;b,5\nc|d,5", ("a;b", "c|d")),
        ("12345678901234567890 5\n12345678901234567891 5", ("12345678901234567890", "12345678901234567891")),
        ("schön,5\n正常,5", ("schön", "正常")),
    ],
)
def test_labels_have_one_spelling(read: Read, text: str, labels: tuple[str, ...]) -> None:
    """Numbers are one label however they are written; text stays as it is, separators within it too."""
    assert read(text).labels == labels


def test_rows_without_labels_are_read_if_requested(read: Read) -> None:
    """The first field is a value then."""
    file = read("0.5,1.5\n2.5,3.5", "a.csv", labelled=False)
    assert file.labels is None
    np.testing.assert_array_equal(file.values, [[0.5, 1.5], [2.5, 3.5]])


def test_a_limit_reads_the_first_rows_alone(read: Read) -> None:
    """What follows is not looked at, whatever it is."""
    assert read("1 5 6\n2 7 8\nx y", limit=2).values.tolist() == [[5, 6], [7, 8]]
    assert read("label t0 t1\n1 5 6\n2 7 8", limit=1).values.tolist() == [[5, 6]]


def test_a_place_is_the_row_in_the_file(read: Read, tmp_path: Path) -> None:
    """As an editor counts, column names included."""
    assert read("label,a,b\n1,5,6\n2,7,8", "a.csv").place(1) == f"{tmp_path / 'a.csv'}: row 3"


def test_all_of_the_archives_package_is_read_or_named() -> None:
    """Every file of the package is read; the eleven data sets with gaps or of varying length are refused."""
    from app.errors import UnreadableSeries
    from app.series.readers import read_series_file

    folder = package_folder()
    assert folder is not None
    refused: dict[str, str] = {}
    for path in sorted(folder.glob("*_TRAIN.tsv")):
        try:
            read_series_file(path)
        except UnreadableSeries as error:
            refused[path.name.partition("_")[0]] = error.remedy
    gaps = {f"DodgerLoop{part}" for part in ("Day", "Game", "Weekend")}
    varying = {f"AllGestureWiimote{axis}" for axis in "XYZ"} | {f"GestureMidAirD{i}" for i in (1, 2, 3)}
    varying |= {"GesturePebbleZ1", "GesturePebbleZ2"}
    assert {name for name, remedy in refused.items() if "--missing interpolate" in remedy} == gaps
    assert {name for name, remedy in refused.items() if "--unequal pad" in remedy} == varying
    assert refused.keys() == gaps | varying


def test_an_npz_says_which_arrays_it_means(read: Read) -> None:
    """Other arrays beside the named ones do no harm, as in an artifact's golden file."""
    file = read(npz(series=np.ones((2, 3)), probabilities=np.ones((2, 2))), "golden.npz")
    assert file.values.shape == (2, 3)
    assert file.labels is None


def test_the_largest_float32_is_read_as_it_is_printed(read: Read) -> None:
    """Its shortest text, 3.4028235e+38, is a float64 above it; rounded to float32 it is the same again."""
    largest = np.finfo(np.float32).max
    file = read(f"1 {largest} 0 {-largest}\n2 1 2 3\n".encode(), "a.txt")
    np.testing.assert_array_equal(file.values[0].astype(np.float32), [largest, 0, -largest])
