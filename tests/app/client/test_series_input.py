"""What callers may give as series."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.client import InvalidSeries
from app.client.series_input import arrays_of, count_of
from app.errors import UnreadableSeries
from tests.app.series.written import npy
from tests.support.not_files import KINDS, put

BROKEN_HEADER = b"\x93NUMPY\x01\x00\x05\x00((((\n"
COMPLEX = npy(np.ones((1, 2), complex))
VALUES = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


class Frame:
    """What frames of pandas and Polars have in common: iterating gives the names of columns."""

    shape = (3, 2)

    def to_numpy(self) -> np.ndarray:
        """A row each."""
        return np.array(VALUES)

    def __iter__(self) -> Iterator[str]:
        """Names of columns."""
        return iter("ab")


@pytest.mark.parametrize(
    "series",
    [VALUES, tuple(map(tuple, VALUES)), np.array(VALUES), Frame(), [np.array(each) for each in VALUES]],
    ids=["lists", "tuples", "array", "frame", "list of arrays"],
)
def test_what_is_at_hand_is_one_array(series: Any) -> None:
    """Read at once."""
    (array,) = arrays_of(series)
    assert array.tolist() == VALUES


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_real_frames_are_read_by_row(package: str) -> None:
    """A column a time step."""
    frame = pytest.importorskip(package).DataFrame({"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]})
    (array,) = arrays_of(frame)
    assert array.tolist() == VALUES
    assert count_of(frame) == 3


def test_streams_are_read_one_by_one() -> None:
    """No further than they are asked to."""
    stream = iter(VALUES)
    arrays = arrays_of(stream)
    assert next(arrays).tolist() == VALUES[0]
    assert next(stream) == VALUES[1]
    assert count_of(stream) is None


def test_a_npy_file_is_mapped_and_others_are_read(tmp_path: Path) -> None:
    """A file larger than memory is none in memory."""
    np.save(tmp_path / "a.npy", np.array(VALUES, np.float32))
    (array,) = arrays_of(tmp_path / "a.npy")
    assert isinstance(array, np.memmap)
    (tmp_path / "a.json").write_text("[[1, 2], [3, 4], [5, 6]]", encoding="utf-8")
    (array,) = arrays_of(str(tmp_path / "a.json"))
    assert array.tolist() == VALUES


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "10 GB"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """By its name it is a file that is mapped; opening a FIFO would wait for a writer."""
    make, said = KINDS[kind]
    put(tmp_path / "a.npy", make)
    with pytest.raises(UnreadableSeries, match=re.escape(f"a.npy: cannot be read ({said}")):
        list(arrays_of(tmp_path / "a.npy"))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no npy", BROKEN_HEADER, COMPLEX, None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    """With what to do."""
    path = tmp_path / "a.npy"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableSeries, match=str(path)):
        list(arrays_of(path))


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ([[1, 2], [1, 2], [1]], "series 0 has 2 values, series 2 has 1; all must have the same"),
        ([[1, 2], 3], "some of the series are lists and others are numbers"),
        ([[[1], [2, 3]]], "the time steps of the series have different numbers of values"),
        ([["1", "2"]], "the series are of dtype <U1; send numbers"),
        ([[10**400]], "the series are not made of numbers: int too large"),
        ([[1, None, object()]], "the series are not made of numbers"),
        (np.array([1j]), "the series are of dtype complex128; send numbers"),
        (np.array(["2026"], "M8[Y]"), "the series are of dtype datetime64"),
    ],
)
def test_what_is_not_made_of_numbers_is_refused(series: Any, message: str) -> None:
    """Text is not converted: a column of names would become one error of many."""
    with pytest.raises(InvalidSeries, match=message):
        list(arrays_of(series))
