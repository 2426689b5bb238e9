"""Parts of files have the rows of the whole file."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.readers.parts import Part, SeriesSource, divided, read_part
from app.series.readers.rows import RowOptions, Rows, read_rows
from app.series.spec import SeriesSpec

LENGTH = 5
SPEC = SeriesSpec(LENGTH)


def series(rows: int, dtype: Any = np.float32) -> NDArray[Any]:
    """Distinct series; in float, one has a value that is missing."""
    values = np.arange(rows * LENGTH).reshape(rows, LENGTH).astype(dtype)
    if rows > 3 and values.dtype.kind == "f":
        values[3, 1] = np.nan
    return values


def in_parts(path: Path, rows: int, *, spec: SeriesSpec = SPEC, is_remote: bool = False) -> list[Rows]:
    """What is read of a file in parts of so many rows."""
    with path.open("rb") as file:
        source = SeriesSource(path, io.BytesIO(file.read()) if is_remote else file, is_remote=is_remote)
        parts = divided(source, spec, rows)
        return [found for part in parts for found in read_part(source, spec, RowOptions(), part)]


def assert_same(found: list[Rows], expected: list[Rows]) -> None:
    """All rows, with their numbers, values, dtypes and reasons."""
    assert sum(len(each.numbers) + len(each.bad) for each in expected) > 0
    for name in ("numbers", "values"):
        one, two = ([getattr(each, name) for each in rows if len(each.numbers)] for rows in (found, expected))
        assert {each.dtype for each in one} == {each.dtype for each in two}
        if one:
            np.testing.assert_array_equal(np.concatenate(one), np.concatenate(two))
    assert [bad for each in found for bad in each.bad] == [bad for each in expected for bad in each.bad]


@given(rows=st.integers(1, 40), part=st.integers(1, 50), dtype=st.sampled_from(["<f4", ">f8", "<f2", "<i4"]))
def test_arrays_are_divided_at_any_row(
    tmp_path_factory: pytest.TempPathFactory, rows: int, part: int, dtype: str
) -> None:
    """Of any dtype of numbers."""
    path = tmp_path_factory.mktemp("parts") / "a.npy"
    np.save(path, series(rows, dtype))
    assert_same(in_parts(path, part), list(read_rows(path, SPEC, RowOptions())))


@given(rows=st.integers(1, 40), part=st.integers(1, 50), group=st.integers(1, 20), is_list=st.booleans())
def test_parquet_is_divided_between_row_groups(
    tmp_path_factory: pytest.TempPathFactory, rows: int, part: int, group: int, *, is_list: bool
) -> None:
    """With a column of lists or a column a value; a local file, and one that is read by a file object."""
    path = tmp_path_factory.mktemp("parts") / "a.parquet"
    values = series(rows)
    columns = {f"v{place}": values[:, place] for place in range(LENGTH)}
    lists = {"x": pa.array(list(values), pa.list_(pa.float32()))}
    pq.write_table(pa.table(lists if is_list else columns), path, row_group_size=group)
    expected = list(read_rows(path, SPEC, RowOptions()))
    assert_same(in_parts(path, part), expected)
    assert_same(in_parts(path, part, is_remote=True), expected)


def test_other_files_are_one_part(tmp_path: Path) -> None:
    """Text, gzipped arrays, and arrays whose rows are spread over the file."""
    np.save(tmp_path / "a.npy", np.asfortranarray(series(9)))
    (tmp_path / "b.npy.gz").write_bytes(gzip.compress((tmp_path / "a.npy").read_bytes()))
    text = "".join("1," + ",".join(map(str, row)) + "\n" for row in series(9, int).tolist())
    (tmp_path / "c.csv").write_text(text)
    for path in sorted(tmp_path.iterdir()):
        with path.open("rb") as file:
            assert divided(SeriesSource(path, file), SPEC, 2) == [Part(0, None)]
        assert_same(in_parts(path, 2), list(read_rows(path, SPEC, RowOptions())))


def test_series_of_several_channels_are_divided(tmp_path: Path) -> None:
    """And a single series is one row."""
    values = np.arange(60, dtype=np.float32).reshape(4, 5, 3)
    np.save(tmp_path / "a.npy", values)
    np.save(tmp_path / "b.npy", np.asfortranarray(values))
    spec = SeriesSpec(5, 3)
    for name in ("a.npy", "b.npy"):
        found = in_parts(tmp_path / name, 3, spec=spec)
        np.testing.assert_array_equal(np.concatenate([each.values for each in found]), values)
    np.save(tmp_path / "a.npy", series(1)[0])
    (one,) = in_parts(tmp_path / "a.npy", 3)
    assert one.values.shape == (1, LENGTH)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x93NUMPY\x01\x00\xff", "a damaged .npy file"),
        (b"\x93NUMPY\x09\x00", "a damaged .npy file"),
        (b"PAR1 and so on", "not a Parquet file"),
    ],
)
def test_a_damaged_head_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """With the file's name."""
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    with path.open("rb") as file:
        source = SeriesSource(path, file)
        with pytest.raises(UnreadableSeries, match=message) as refused:
            divided(source, SPEC, 2)
        assert str(refused.value).startswith(f"{path}: ")
        with pytest.raises(UnreadableSeries, match=message) as refused:
            list(read_part(source, SPEC, RowOptions(), Part(0, None)))
        assert str(refused.value).startswith(f"{path}: ")


def test_an_array_of_objects_is_never_loaded(tmp_path: Path) -> None:
    """It is a pickle."""
    np.save(tmp_path / "a.npy", np.array([[{}]], object), allow_pickle=True)
    with pytest.raises(UnreadableSeries, match="a pickle, which is never loaded"):
        in_parts(tmp_path / "a.npy", 2)


def test_other_series_than_the_models_are_refused(tmp_path: Path) -> None:
    """Before any is read."""
    np.save(tmp_path / "a.npy", np.zeros((2, 7), np.float32))
    with pytest.raises(UnreadableSeries, match=r"an array of shape \(2, 7\); the model takes \(n, 5\)"):
        in_parts(tmp_path / "a.npy", 2)
