"""Parquet files, in batches: a row is a series, or a time step of a recording.

pyarrow is no part of the base install: it comes with the extra `parquet`, and is imported at the first use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.readers.columns import Columns
from app.series.readers.parsed import Refused, quoted

BATCH_ROWS = 4096
# Of each column: without it, the columns of a whole row group would be read at once.
_BUFFER_BYTES = 256 * 1024


class ParquetBatch(NamedTuple):
    """Consecutive rows of a file.

    Attributes:
        values: `[n, length]`; a missing value is NaN. Or arrays of different lengths.
        labels: of each row, as text, or None.
    """

    values: NDArray[Any] | list[NDArray[Any]]
    labels: list[str] | None


def is_parquet(start: bytes) -> bool:
    """Whether a file that begins like this is a Parquet file."""
    return start.startswith(b"PAR1")


def parquet_rows(path: Path) -> int:
    """The number of rows of a file; raises as `parquet_batches` does."""
    return int(_opened(path).metadata.num_rows)


def parquet_groups(path: Path, file: IO[bytes] | None = None) -> list[int]:
    """The number of rows of each row group of a file; raises as `parquet_batches` does."""
    metadata = _opened(path, file).metadata
    return [int(metadata.row_group(group).num_rows) for group in range(metadata.num_row_groups)]


def parquet_batches(
    path: Path,
    *,
    columns: str | None = None,
    label_column: str | None = None,
    file: IO[bytes] | None = None,
    groups: Sequence[int] | None = None,
    rows: int = BATCH_ROWS,
) -> Iterator[ParquetBatch]:
    """The rows of a file.

    Args:
        path: of the file.
        columns: those with the values, as `Columns` takes them; None for the only column of lists, or else
            all columns of numbers.
        label_column: the one with the labels; None if there are none.
        file: to read from, where the path is only a name.
        groups: numbers of the row groups to read, from 0; None for all.
        rows: of a batch, at most.

    Raises:
        UnreadableSeries: pyarrow is not installed, or the file is no Parquet file or has other columns.
    """
    opened = _opened(path, file)
    names = list(opened.schema_arrow.names)
    try:
        label = None if label_column is None else names[Columns(label_column).places(names, len(names))[0]]
        chosen = _chosen(opened.schema_arrow, names, columns, label)
        wanted = chosen if label is None else [*chosen, label]
        for batch in opened.iter_batches(batch_size=rows, columns=wanted, row_groups=groups):
            labels = None if label is None else [str(each) for each in batch.column(label).to_pylist()]
            yield ParquetBatch(_values(batch, chosen), labels)
    except Refused as refused:
        raise UnreadableSeries(f"{path}: {refused.problem}", remedy=refused.remedy) from refused
    except (OSError, ValueError) as error:  # pyarrow's errors are subclasses
        raise UnreadableSeries(f"{path}: a damaged Parquet file: {error}", remedy="save it again") from error


def parquet_chunks(path: Path, columns: str | None) -> Iterator[NDArray[Any]]:
    """The rows of a recording, `[steps, channels]`; raises as `parquet_batches` does."""
    for batch in parquet_batches(path, columns=columns):
        yield np.asarray(batch.values)


def _chosen(schema: Any, names: list[str], columns: str | None, label: str | None) -> list[str]:
    if columns is not None:
        return [names[place] for place in Columns(columns).places(names, len(names))]
    types = _import_arrow().types
    kinds = {name: schema.field(name).type for name in names if name != label}
    lists = [name for name, kind in kinds.items() if _is_list(types, kind)]
    numbers = [n for n, kind in kinds.items() if types.is_floating(kind) or types.is_integer(kind)]
    chosen = lists if len(lists) == 1 else numbers
    if not chosen:
        raise Refused("no column of numbers", f"the columns are {quoted(', '.join(names))}")
    return chosen


def _is_list(types: Any, kind: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _values(batch: Any, names: list[str]) -> NDArray[Any] | list[NDArray[Any]]:
    if len(names) == 1 and _is_list(_import_arrow().types, batch.column(names[0]).type):
        if (whole := _matrix(batch.column(names[0]))) is not None:
            return whole
        rows = [_numbers(row, names[0]) for row in batch.column(names[0]).to_pylist()]
        same = len({len(row) for row in rows}) == 1
        return np.stack(rows) if same else rows
    found = []
    for name in names:
        column = batch.column(name)
        values = column.to_numpy(zero_copy_only=False)
        if values.dtype.kind not in "fiu":
            raise Refused(f"column {quoted(name)} has no numbers", "choose columns with --columns")
        found.append(values)
    return np.column_stack(found)


def _matrix(lists: Any) -> NDArray[Any] | None:
    """Lists of numbers of one length as an array `[n, length]`, without a Python object for each; else None.

    A missing number is NaN.
    """
    arrow = _import_arrow()
    flat = lists.flatten()
    if lists.null_count or not (arrow.types.is_floating(flat.type) or arrow.types.is_integer(flat.type)):
        return None
    lengths = arrow.compute.list_value_length(lists).to_numpy(zero_copy_only=False)
    if not len(lengths) or (lengths != lengths[0]).any() or not lengths[0]:
        return None
    values: NDArray[Any] = flat.to_numpy(zero_copy_only=False).reshape(len(lengths), -1)
    return values


def _numbers(row: Any, name: str) -> NDArray[np.float64]:
    try:
        return np.array([np.nan] if row is None else row, np.float64)
    except (TypeError, ValueError) as error:
        raise Refused(f"column {quoted(name)} has no lists of numbers", "choose another column") from error


def _opened(path: Path, file: IO[bytes] | None = None) -> Any:
    parquet = _import_arrow().parquet
    try:
        if file is not None:
            # Each read may be a request to an object store: few and large ones.
            return parquet.ParquetFile(file, pre_buffer=True)
        return parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES)
    except (OSError, ValueError) as error:
        raise UnreadableSeries(f"{path}: not a Parquet file: {error}", remedy="save it again") from error


def _import_arrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise UnreadableSeries(
            "a Parquet file needs pyarrow, which is not installed",
            remedy='install the extra: pip install "timeseries-server[parquet]"',
        ) from error
    return pa
