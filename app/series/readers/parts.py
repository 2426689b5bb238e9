"""Divides files into parts of whole rows, and reads one part: for jobs that many processes share.

`.npy` files can be divided at any row, Parquet files between row groups. All others are one part.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import IO, Any, NamedTuple

from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.readers.content import MAX_BYTES
from app.series.readers.file import shown_path
from app.series.readers.npy_rows import NpyRows
from app.series.readers.numpy_files import NPY_MAGIC, read_array
from app.series.readers.parquet import is_parquet, parquet_batches, parquet_groups
from app.series.readers.parsed import Refused
from app.series.readers.rows import (
    RowOptions,
    Rows,
    array_rows,
    batch_rows,
    checked_rows,
    read_rows,
    rows_of_batches,
)
from app.series.spec import SeriesSpec


class Part(NamedTuple):
    """Consecutive rows of a file.

    Attributes:
        first: the first one, from 0.
        end: after the last one; None for a whole file whose number of rows is unknown until it is read.
    """

    first: int
    end: int | None


class SeriesSource(NamedTuple):
    """A file that is open for reading.

    Attributes:
        path: its name, for messages; text formats are told by its suffix.
        file: its content; it can seek.
        is_remote: whether each read is a request to an object store.
    """

    path: Path
    file: IO[bytes]
    is_remote: bool = False


def divided(source: SeriesSource, spec: SeriesSpec, rows: int) -> list[Part]:
    """The parts of a file, in order; together they are all its rows.

    Args:
        source: the file; only its header is read.
        spec: of the model.
        rows: of a part. One of Parquet may have more, up to the size of a row group.

    Raises:
        UnreadableSeries: it is damaged, or has other series than the model takes.
        OSError: it cannot be read.
    """
    start = _start(source)
    try:
        if start.startswith(NPY_MAGIC):
            array = NpyRows(source.file)
            if array.is_divisible:
                total = array_rows(array.shape, array.dtype, spec)
                return [Part(first, min(first + rows, total)) for first in range(0, total, rows)]
    except Refused as refused:
        raise _named(source, refused) from refused
    if is_parquet(start):
        found: list[Part] = []
        first = end = 0
        for count in _groups(source):
            end += count
            if end - first >= rows:
                found.append(Part(first, end))
                first = end
        return [*found, Part(first, end)] if end > first else found
    return [Part(0, None)]


def read_part(source: SeriesSource, spec: SeriesSpec, options: RowOptions, part: Part) -> Iterator[Rows]:
    """Yield the rows of a part in order.

    Args:
        source: the file.
        spec: of the model.
        options: what to read.
        part: one of `divided`.

    Raises:
        UnreadableSeries: the file as a whole cannot be read or used.
        OSError: it cannot be read.
    """
    try:
        if is_parquet(_start(source)):
            yield from _parquet_part(source, spec, options, part)
        elif part.end is None:
            yield from _whole(source, spec, options)
        else:
            yield from _array_part(NpyRows(source.file), spec, part.first, part.end)
    except Refused as refused:
        raise _named(source, refused) from refused


def _array_part(array: NpyRows, spec: SeriesSpec, first: int, end: int) -> Iterator[Rows]:
    step = batch_rows(spec)
    for start in range(first, end, step):
        yield checked_rows(array.read(start, min(start + step, end), spec.shape), start + 1)


def _parquet_part(source: SeriesSource, spec: SeriesSpec, options: RowOptions, part: Part) -> Iterator[Rows]:
    ends = list(accumulate(_groups(source)))
    last = ends[-1] if part.end is None and ends else part.end or 0
    groups = [group for group, end in enumerate(ends) if part.first < end <= last]
    batches = parquet_batches(
        source.path,
        columns=options.columns,
        label_column=options.label_column,
        file=source.file if source.is_remote else None,
        groups=groups,
        rows=batch_rows(spec),
    )
    return rows_of_batches(batches, spec, options, first=part.first + 1)


def _whole(source: SeriesSource, spec: SeriesSpec, options: RowOptions) -> Iterator[Rows]:
    source.file.seek(0)
    content = source.file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Refused(f"more than {MAX_BYTES:,} bytes", "split the file, or save it as .npy or Parquet")
    if content.startswith(NPY_MAGIC):
        yield from _array_rows(read_array(content), spec)
        return
    yield from read_rows(source.path, spec, options, content=content)


def _array_rows(array: NDArray[Any], spec: SeriesSpec) -> Iterator[Rows]:
    """The rows of a whole array, which is in Fortran order."""
    total, step = array_rows(array.shape, array.dtype, spec), batch_rows(spec)
    array = array.reshape(total, *spec.shape)
    for first in range(0, total, step):
        yield checked_rows(array[first : first + step], first + 1)


def _start(source: SeriesSource) -> bytes:
    source.file.seek(0)
    return source.file.read(8)


def _groups(source: SeriesSource) -> list[int]:
    return parquet_groups(source.path, source.file if source.is_remote else None)


def _named(source: SeriesSource, refused: Refused) -> UnreadableSeries:
    return UnreadableSeries(f"{shown_path(source.path)}: {refused.problem}", remedy=refused.remedy)
