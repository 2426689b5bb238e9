"""Reads a recording: a file with a time step a row, and a column a channel.

A `.npy` file is mapped into memory; text and lines of JSON are read in chunks, so that memory stays flat for
any length. Any of the latter may be gzipped. Other formats are read whole.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import UnreadableSeries
from app.series.readers.columns import Columns
from app.series.readers.content import first_bytes
from app.series.readers.file import read_series_file, shown_path
from app.series.readers.numpy_files import NPY_MAGIC, map_npy
from app.series.readers.parquet import is_parquet, parquet_chunks
from app.series.readers.parsed import Refused, quoted
from app.series.readers.text_format import SAMPLED_ROWS, TextFormat, detect_format, number_of
from app.series.windows import Recording

CHUNK_ROWS = 2**14
# A line of a recording has a number for each channel; a longer one is a series, not a time step.
_MAX_LINE_BYTES = 2**20
_WHOLE = (".npz", ".json", ".arff")


def read_recording(path: Path, *, columns: str | None = None) -> Recording:
    """A recording as an array `[steps]` or `[steps, channels]`, or as chunks of it.

    Args:
        path: of the file.
        columns: which columns of text or parquet are the channels, as `Columns` takes them; None for all.

    Raises:
        UnreadableSeries: the file cannot be read; chunks raise it at the place.
    """
    try:
        start = first_bytes(path)
        if start.startswith(NPY_MAGIC):
            return map_npy(path)
    except Refused as refused:
        raise UnreadableSeries(f"{shown_path(path)}: {refused.problem}", remedy=refused.remedy) from refused
    if is_parquet(start):
        return (_one_channel(values) for values in parquet_chunks(path, columns))
    name = path.name.lower().removesuffix(".gz")
    if start.startswith(b"PK\x03\x04") or name.endswith(_WHOLE) or start.lstrip().startswith((b"{", b"[[")):
        values = read_series_file(path, labelled=False).values
        return values[0] if len(values) == 1 else _one_channel(values)
    return _text_chunks(path, columns, is_gzip=start.startswith(b"\x1f\x8b"))


def _one_channel(values: NDArray[Any]) -> NDArray[Any]:
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _text_chunks(path: Path, columns: str | None, *, is_gzip: bool) -> Iterator[NDArray[np.float64]]:
    try:
        with path.open("rb") as stored, gzip.GzipFile(fileobj=stored) if is_gzip else stored as file:
            yield from _chunks_of(_lines(file), columns)
    except Refused as refused:
        raise UnreadableSeries(f"{shown_path(path)}: {refused.problem}", remedy=refused.remedy) from refused
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableSeries(
            f"{shown_path(path)}: cannot be read ({error})", remedy="copy or download it again"
        ) from error


def _lines(file: io.BufferedIOBase) -> Iterator[bytes]:
    number = 0
    while line := file.readline(_MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > _MAX_LINE_BYTES:
            raise Refused(
                f"row {number}: more than {_MAX_LINE_BYTES:,} bytes",
                "write a recording with one time step a row, or score it without --windows",
            )
        yield line.rstrip(b"\r\n")


def _chunks_of(lines: Iterator[bytes], columns: str | None) -> Iterator[NDArray[np.float64]]:
    """Chunks `[steps]` or `[steps, channels]` of lines of text or JSON; raises `Refused`."""
    sample = list(islice(lines, SAMPLED_ROWS))
    while sample and not sample[-1].strip():
        sample.pop()
    if not sample:
        raise Refused("the file is empty", "give a recording")
    if sample[0].lstrip().startswith((b"[", b"{")):
        rows: _Rows = _JsonRows()
    else:
        text_format = detect_format(sample, labelled=False)
        names = text_format.split(sample[0]) if text_format.header else None
        rows = _TextRows(text_format, None if columns is None else Columns(columns).places(names, None))
        sample = sample[int(text_format.header) :]
    number = rows.first
    if len(sample) == 1 and columns is None:  # a single row: it is the recording
        yield rows.values(number, sample[0])
        return
    every = chain(sample, lines)
    width: int | None = None
    while chunk := list(islice(every, CHUNK_ROWS)):
        found = [rows.values(number + place, line) for place, line in enumerate(chunk) if line.strip()]
        for place, values in enumerate(found):
            width = len(values) if width is None else width
            if len(values) != width:
                raise Refused(
                    f"row {number + place}: {len(values)} values, but the rows before have {width}",
                    "write the same channels in each row",
                )
        number += len(chunk)
        if found:
            yield _one_channel(np.stack(found))


class _Rows:
    """Reads the values of a row."""

    first = 1

    def values(self, number: int, line: bytes) -> NDArray[np.float64]:
        """The values `float64[channels]` of a row; raises `Refused`."""
        raise NotImplementedError


class _TextRows(_Rows):
    def __init__(self, text_format: TextFormat, places: Sequence[int] | None) -> None:
        self._format, self._places = text_format, places
        self.first = 1 + int(text_format.header)

    def values(self, number: int, line: bytes) -> NDArray[np.float64]:
        fields: Sequence[bytes] = self._format.split(line)
        if self._places is not None:
            if max(self._places) >= len(fields):
                raise Refused(f"row {number}: only {len(fields)} columns", "choose other columns")
            fields = [fields[place] for place in self._places]
        numbers = [number_of(field) for field in fields]
        if None in numbers:
            field = fields[numbers.index(None)]
            raise Refused(
                f"row {number}: {quoted(field.strip())} is not a number",
                "write numbers, or choose the channels with --columns",
            )
        return np.array(numbers, np.float64)


class _JsonRows(_Rows):
    def values(self, number: int, line: bytes) -> NDArray[np.float64]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Refused(f"row {number}: not JSON", "write a number or a list of numbers a line") from error
        values = found if isinstance(found, list) else [found]
        if not all(type(value) in (int, float) for value in values):
            raise Refused(f"row {number}: not numbers", "write a number or a list of numbers a line")
        return np.array(values, np.float64)
