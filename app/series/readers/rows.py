"""Reads files row by row for scoring: a row without a usable series is set aside, and the others go on.

`.npy` files are mapped into memory, and Parquet files read in batches. Others are read whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from app.series.readers.parquet import is_parquet, parquet_batches, parquet_rows
from app.series.readers.parsed import BadRow, ParsedSeries, Refused, Values
from app.series.readers.text import read_text
from app.series.spec import SeriesSpec

BATCH_ROWS = 4096
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
    found: list[Values] = []
    numbers: list[int] = []
    labels: list[str] = []
    refused = list(bad)
    for index in range(len(rows.series)):
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
        found.append(values)
        numbers.append(number)
        if rows.labels is not None:
            labels.append(rows.labels[index])
    series: NDArray[Any] = np.stack(found) if found else np.empty((0, *spec.shape))
    return Rows(
        series,
        np.array(numbers, np.int64),
        None if rows.labels is None else tuple(labels),
        sorted(refused),
    )


def _mapped_rows(path: Path, spec: SeriesSpec) -> Iterator[Rows]:
    array = map_npy(path)
    if array.dtype.kind not in "fiu":
        raise Refused(f"the array holds {array.dtype}, not numbers", "save numbers")
    if array.shape in spec.taken_shapes:
        array = array[np.newaxis]
    if array.shape[1:] not in spec.taken_shapes:
        forms = " or ".join(f"(n, {', '.join(map(str, shape))})" for shape in spec.taken_shapes)
        raise Refused(f"an array of shape {array.shape}; the model takes {forms}", "save such an array")
    for first in range(0, len(array), BATCH_ROWS):
        part = array[first : first + BATCH_ROWS].reshape(-1, *spec.shape)
        yield replace(_checked(part, first + 1), total=len(array))


def _checked(values: NDArray[Any], first: int) -> Rows:
    """Rows of an array that has the model's shape: those with a value that is not finite are bad."""
    numbers = np.arange(first, first + len(values), dtype=np.int64)
    flat = values.reshape(len(values), -1)
    is_short = values.dtype.kind == "f" and values.itemsize <= np.dtype(np.float32).itemsize
    valid = np.isfinite(flat) if is_short else np.abs(flat.astype(np.float64)) < FLOAT32_END
    good = valid.all(axis=1)
    if good.all():
        return Rows(values, numbers)
    bad = []
    for place in np.flatnonzero(~good).tolist():
        index = int(np.flatnonzero(~valid[place])[0])
        reason = f"value {index + 1} is {flat[place, index]}, not a finite number within the range of float32"
        bad.append(BadRow(first + place, reason))
    return Rows(values[good], numbers[good], bad=bad)


def _parquet_rows(path: Path, spec: SeriesSpec, options: RowOptions) -> Iterator[Rows]:
    first, total = 1, parquet_rows(path)
    for batch in parquet_batches(path, columns=options.columns, label_column=options.label_column):
        labels = batch.labels and tuple(canonical_label(label) for label in batch.labels)
        rows = ParsedSeries(batch.values, labels or None, first)
        yield replace(_completed(rows, spec, options.rules, ()), total=total)
        first += len(batch.values)
