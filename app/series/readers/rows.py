"""Reads files row by row for scoring: a row without a usable series is set aside, and the others go on.

`.npy` files are mapped into memory, and Parquet files read in batches. Others are read whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.offset import FLOAT32_END
from app.series.readers.arff import read_arff
from app.series.readers.checks import check_values
from app.series.readers.content import MAX_BYTES, first_bytes, read_content, unpacked
from app.series.readers.file import shown_path
from app.series.readers.formats import Format, decoded, format_of
from app.series.readers.gaps import GapRules, completed_row
from app.series.readers.json_file import read_json
from app.series.readers.labels import canonical_label
from app.series.readers.ndjson import read_ndjson
from app.series.readers.numpy_files import NPY_MAGIC, map_npy, read_npy, read_npz
from app.series.readers.parquet import ParquetBatch, is_parquet, parquet_batches, parquet_rows
from app.series.readers.parsed import BadRow, ParsedSeries, Refused, Values
from app.series.readers.text import read_text
from app.series.spec import SeriesSpec

BATCH_ROWS = 4096
# Of a batch, so that long series do not fill the memory.
_BATCH_VALUES = 2**22
STANDARD_INPUT = Path("-")


@dataclass(frozen=True, slots=True)
class RowOptions:
    """What to read of a file.

    Attributes:
        rules: for missing values and unequal lengths; series are padded to the model's length.
        labelled: whether the first field of a row of text is its label, unless columns are chosen.
        columns: of text and Parquet, those with the values, as `Columns` takes them.
        label_column: of text and Parquet, the one with the label.
    """

    rules: GapRules = field(default_factory=GapRules)
    labelled: bool = True
    columns: str | None = None
    label_column: str | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows of a file.

    Attributes:
        values: `[n, *SeriesSpec.shape]`, finite: the usable series.
        numbers: `int64[n]`, their rows in the file, from 1.
        labels: of each; None where the file has none.
        bad: the rows among and around them that have no usable series.
        total: rows of the file, if it is known.
    """

    values: NDArray[Any]
    numbers: NDArray[np.int64]
    labels: tuple[str, ...] | None = None
    bad: Sequence[BadRow] = ()
    total: int | None = None


def batch_rows(spec: SeriesSpec) -> int:
    """Rows that are read at a time: at most `BATCH_ROWS`, fewer of long series."""
    return max(1, min(BATCH_ROWS, _BATCH_VALUES // spec.values))


def read_rows(
    path: Path, spec: SeriesSpec, options: RowOptions, *, content: bytes | None = None
) -> Iterator[Rows]:
    """Yield the rows of a file in order.

    Args:
        path: of the file; `STANDARD_INPUT` names `content` in messages.
        spec: of the model.
        options: what to read.
        content: of standard input, instead of a file.

    Raises:
        UnreadableSeries: the file as a whole cannot be read or used.
    """
    try:
        if content is None:
            start = first_bytes(path)
            if start.startswith(NPY_MAGIC):
                yield from _mapped_rows(path, spec)
                return
            if is_parquet(start):
                yield from _parquet_rows(path, spec, options)
                return
            content = read_content(path)[0]
        elif content.startswith(b"\x1f\x8b"):
            content = unpacked(content, most=MAX_BYTES)
        bad: list[BadRow] = []
        rows = _completed(_parsed(content, path, options, bad), spec, options.rules, bad)
        yield replace(rows, total=len(rows.numbers) + len(rows.bad))
    except Refused as refused:
        raise UnreadableSeries(f"{shown_path(path)}: {refused.problem}", remedy=refused.remedy) from refused


def _parsed(content: bytes, path: Path, options: RowOptions, bad: list[BadRow]) -> ParsedSeries:
    found = format_of(content, path)
    if found is Format.TEXT:
        return read_text(
            content,
            labelled=options.labelled,
            columns=options.columns,
            label_column=options.label_column,
            bad=bad,
        )
    if options.columns is not None or options.label_column is not None:
        raise Refused("columns can be chosen of text and Parquet alone", "leave the options for columns out")
    if found is Format.JSON:
        return read_json(content, bad=bad)
    if found is Format.NDJSON:
        return read_ndjson(content, bad=bad)
    if found is Format.ARFF:
        return read_arff(decoded(content))
    return read_npy(content) if found is Format.NPY else read_npz(content)


def _completed(rows: ParsedSeries, spec: SeriesSpec, rules: GapRules, bad: Sequence[BadRow]) -> Rows:
    """The rows with the model's length, after the rules; others are bad."""
    rules = replace(rules, length=spec.length)
    if spec.channels > 1:
        raise Refused(
            f"series of one channel; the model takes {spec.channels}",
            f"save an array of shape (n, {spec.length}, {spec.channels}) with numpy.save",
        )
    clean = _are_clean(rows.series, spec.length)
    changed: dict[int, Values] = {}
    refused = list(bad)
    for index in np.flatnonzero(~clean).tolist():
        number = rows.number(index)
        try:
            check_values(rows.series[index], rows.row(index))
            values = completed_row(rows, index, rules)
        except Refused as problem:
            refused.append(BadRow.of(number, problem))
            continue
        if len(values) != spec.length:
            remedy = "cut it, or give --unequal pad"
            refused.append(BadRow(number, f"{len(values)} values; the model takes {spec.length}; {remedy}"))
            continue
        changed[index] = values
    kept = clean
    kept[list(changed)] = True
    numbers = np.arange(len(clean)) + rows.first_row if rows.numbers is None else np.array(rows.numbers)
    labels = rows.labels
    return Rows(
        _joined(rows.series, kept, changed, spec),
        numbers[kept].astype(np.int64),
        None if labels is None else tuple(labels[index] for index in np.flatnonzero(kept).tolist()),
        sorted(refused),
    )


def _are_clean(series: Sequence[Values] | Values, length: int) -> NDArray[np.bool_]:
    """Which series can be used as they are, `bool[n]`: found for all at once where they are one array."""
    if isinstance(series, np.ndarray) and series.shape[1:] == (length,):
        clean: NDArray[np.bool_] = np.logical_and.reduce(_are_finite(series), axis=1)
        return clean
    return np.zeros(len(series), np.bool_)


def _joined(
    series: Sequence[Values] | Values, kept: NDArray[np.bool_], changed: dict[int, Values], spec: SeriesSpec
) -> NDArray[Any]:
    """The kept series as one array, those of `changed` in place of what was read."""
    if len(changed) == np.count_nonzero(kept):
        return np.stack(list(changed.values())) if changed else np.empty((0, *spec.shape))
    joined = np.asarray(series)
    if changed:
        joined = joined.copy()
        joined[list(changed)] = np.stack(list(changed.values()))
    return joined if kept.all() else joined[kept]


def _mapped_rows(path: Path, spec: SeriesSpec) -> Iterator[Rows]:
    array = map_npy(path)
    total, step = array_rows(array.shape, array.dtype, spec), batch_rows(spec)
    array = array.reshape(total, *spec.shape)
    for first in range(0, total, step):
        yield replace(checked_rows(array[first : first + step], first + 1), total=total)


def array_rows(shape: tuple[int, ...], dtype: np.dtype[Any], spec: SeriesSpec) -> int:
    """The number of series in an array of this shape, which has the model's shape or a stack of them.

    Raises:
        Refused: the model takes other series.
    """
    if dtype.kind not in "fiu":
        raise Refused(f"the array holds {dtype}, not numbers", "save numbers")
    if shape in spec.taken_shapes:
        return 1
    if shape[1:] not in spec.taken_shapes:
        forms = " or ".join(f"(n, {', '.join(map(str, taken))})" for taken in spec.taken_shapes)
        raise Refused(f"an array of shape {shape}; the model takes {forms}", "save such an array")
    return shape[0]


def checked_rows(values: NDArray[Any], first: int) -> Rows:
    """Rows of an array that has the model's shape: those with a value that is not finite are bad.

    Args:
        values: `[n, *SeriesSpec.shape]`.
        first: number of the first row in its file, from 1.
    """
    numbers = np.arange(first, first + len(values), dtype=np.int64)
    flat = values.reshape(len(values), -1)
    valid = _are_finite(flat)
    good = valid.all(axis=1)
    if good.all():
        return Rows(values, numbers)
    bad = []
    for place in np.flatnonzero(~good).tolist():
        index = int(np.flatnonzero(~valid[place])[0])
        reason = f"value {index + 1} is {flat[place, index]}, not a finite number within the range of float32"
        bad.append(BadRow(first + place, reason))
    return Rows(values[good], numbers[good], bad=bad)


def _are_finite(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are finite and within float32's range; of the same shape."""
    is_short = values.dtype.kind == "f" and values.itemsize <= np.dtype(np.float32).itemsize
    return np.isfinite(values) if is_short else np.abs(values.astype(np.float64)) < FLOAT32_END


def _parquet_rows(path: Path, spec: SeriesSpec, options: RowOptions) -> Iterator[Rows]:
    total = parquet_rows(path)
    batches = parquet_batches(path, columns=options.columns, label_column=options.label_column)
    for rows in rows_of_batches(batches, spec, options, first=1):
        yield replace(rows, total=total)


def rows_of_batches(
    batches: Iterable[ParquetBatch], spec: SeriesSpec, options: RowOptions, *, first: int
) -> Iterator[Rows]:
    """The rows of batches of a Parquet file.

    Args:
        batches: consecutive ones.
        spec: of the model.
        options: what to read.
        first: number of the first row in its file, from 1.

    Raises:
        Refused: the model takes series of several channels.
    """
    for batch in batches:
        labels = batch.labels and tuple(canonical_label(label) for label in batch.labels)
        yield _completed(ParsedSeries(batch.values, labels or None, first), spec, options.rules, ())
        first += len(batch.values)
