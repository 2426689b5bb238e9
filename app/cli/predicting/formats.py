"""Formats of predictions: lines of JSON, CSV, Parquet, and columns of text for people."""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, NamedTuple

from app.client import InvalidOptions, Predictions

NAMES = ("table", "ndjson", "csv", "parquet")
_BY_SUFFIX = {
    ".csv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".parquet": "parquet",
}
# Between the labels of a label set and the codes of warnings, in one field of CSV.
_SEPARATOR = "|"


class Batch(NamedTuple):
    """Predictions and where they belong.

    Attributes:
        predictions: of n series.
        places: columns that come before the predictions', by name: n values each.
    """

    predictions: Predictions
    places: Mapping[str, Sequence[Any]]


class Format(ABC):
    """Encodes batches, and joins what was encoded to a file.

    Args:
        columns: the names of the columns.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    @abstractmethod
    def encode(self, batches: Sequence[Batch]) -> bytes:
        """A shard with these batches."""

    def join(self, shards: Iterable[bytes], file: IO[bytes]) -> None:
        """Write shards as one file."""
        file.write(self.header())
        for shard in shards:
            file.write(shard)

    def header(self) -> bytes:
        """What a stream begins with."""
        return b""


class NdjsonFormat(Format):
    """A JSON object a line."""

    def encode(self, batches: Sequence[Batch]) -> bytes:
        """Lines."""
        return "".join(line for batch in batches for line in self._lines(batch)).encode()

    def _lines(self, batch: Batch) -> Iterator[str]:
        names = [json.dumps(name) for name in batch.places]
        for prediction, *values in zip(batch.predictions, *batch.places.values(), strict=True):
            texts = [json.dumps(value, ensure_ascii=False) for value in values]
            places = "".join(f"{name}:{text}," for name, text in zip(names, texts, strict=True))
            yield f"{{{places}{prediction.model_dump_json()[1:]}\n"


class CsvFormat(Format):
    """A row of names, then a row a series."""

    def header(self) -> bytes:
        """The names."""
        return _csv([self._columns])

    def encode(self, batches: Sequence[Batch]) -> bytes:
        """Rows."""
        return b"".join(_csv(rows_of(batch)) for batch in batches)


class TableFormat(Format):
    """Columns of text of fixed widths; the places, which may be long, come last."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(columns)
        self._places = list(columns).index("label")
        self._widths = [max(len(name), 10) for name in self._turned(columns)]

    def header(self) -> bytes:
        """The names."""
        return self._line(self._turned(self._columns))

    def encode(self, batches: Sequence[Batch]) -> bytes:
        """Lines."""
        return b"".join(self._line(_short(self._turned(row))) for batch in batches for row in rows_of(batch))

    def _turned(self, cells: Sequence[Any]) -> list[Any]:
        return [*cells[self._places :], *cells[: self._places]]

    def _line(self, cells: Sequence[Any]) -> bytes:
        texts = [str(cell).ljust(width) for cell, width in zip(cells, self._widths, strict=True)]
        return ("  ".join(texts).rstrip() + "\n").encode()


class ParquetFormat(Format):
    """A Parquet file; shards are such files, too."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(columns)
        self._arrow, self._parquet = import_module("pyarrow"), import_module("pyarrow.parquet")

    def encode(self, batches: Sequence[Batch]) -> bytes:
        """A whole file."""
        tables = []
        for batch in batches:
            table = batch.predictions.to_arrow()
            for place, (name, values) in enumerate(batch.places.items()):
                table = table.add_column(place, name, self._arrow.array(values))
            tables.append(table)
        file = io.BytesIO()
        self._parquet.write_table(self._arrow.concat_tables(tables), file)
        return file.getvalue()

    def join(self, shards: Iterable[bytes], file: IO[bytes]) -> None:
        """Write the row groups of all shards as one file."""
        writer = None
        for shard in shards:
            table = self._parquet.read_table(io.BytesIO(shard))
            writer = writer or self._parquet.ParquetWriter(file, table.schema)
            writer.write_table(table)
        if writer is None:
            self._parquet.write_table(self._arrow.table({name: [] for name in self._columns}), file)
        else:
            writer.close()


def format_name(name: str | None, output: Path | None, *, is_terminal: bool) -> str:
    """The name of the format: what was asked for, or what fits to the output.

    Raises:
        InvalidOptions: it cannot be told, or pyarrow is not installed.
    """
    if name is None and output is not None:
        name = _BY_SUFFIX.get(output.suffix.lower())
        if name is None:
            raise InvalidOptions(f"{output}: name it .csv, .ndjson or .parquet, or give --format")
    name = name or ("table" if is_terminal else "ndjson")
    if name == "parquet" and output is None:
        raise InvalidOptions("Parquet is not written to standard output; give --output FILE")
    if name == "parquet" and find_spec("pyarrow") is None:
        raise InvalidOptions('Parquet needs pyarrow: pip install "timeseries-server[parquet]"')
    return name


def create_format(name: str, columns: Sequence[str]) -> Format:
    """The format of a name."""
    kinds: dict[str, type[Format]] = {
        "ndjson": NdjsonFormat,
        "csv": CsvFormat,
        "table": TableFormat,
        "parquet": ParquetFormat,
    }
    return kinds[name](columns)


def columns_of(places: Iterable[str], classes: Iterable[str], *, has_trust: bool) -> list[str]:
    """The names of the columns of CSV."""
    trust = ["label_set", "ood_score"] if has_trust else []
    return [*places, "label", *(f"probability_{name}" for name in classes), *trust, "warnings"]


def rows_of(batch: Batch) -> Iterator[list[Any]]:
    """The cells of each series, as `columns_of` names them."""
    for prediction, *values in zip(batch.predictions, *batch.places.values(), strict=True):
        trust: list[Any] = []
        if prediction.label_set is not None:
            trust = [_SEPARATOR.join(prediction.label_set), prediction.ood_score]
        codes = _SEPARATOR.join(warning.code for warning in prediction.warnings)
        label = "" if prediction.label is None else prediction.label
        yield [*values, label, *prediction.probabilities.values(), *trust, codes]


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _short(row: Sequence[Any]) -> list[str]:
    return [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
