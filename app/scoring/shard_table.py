"""Predictions as Arrow tables, and shards as Parquet files: whole columns, no Python object for a row.

pyarrow comes with the extra `parquet`, and is imported at the first use.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.contract import Contract
from app.inference.predictions import Predictions
from app.inference.trust import warning_kinds
from app.scoring.errors import ScoringError
from app.series.readers.parsed import BadRow

_ROW_GROUP = 65_536


def check_parquet() -> None:
    """Check that Parquet can be written.

    Raises:
        ScoringError: pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise ScoringError('score writes Parquet: pip install "timeseries-server[parquet]"')


class ShardTable:
    """Makes tables of one model's predictions.

    A table has a row for each row of the input: those without a prediction have an `error` and nulls.

    Args:
        contract: of the model.
        abstain: no label for a series whose label set does not hold exactly one.
    """

    def __init__(self, contract: Contract, *, abstain: bool = False) -> None:
        self._contract, self._abstain = contract, abstain
        self._classes = [label.name for label in contract.labels]
        self._codes = [kind.code for kind in warning_kinds(contract.trust, contract.input.channels)]
        self._arrow: Any = import_module("pyarrow")
        self.schema = self._schema()

    def _schema(self) -> Any:
        arrow = self._arrow
        texts = arrow.list_(arrow.string())
        trust = [("label_set", texts), ("ood_score", arrow.float32())] if self._contract.trust else []
        return arrow.schema(
            [
                ("file", arrow.string()),
                ("row", arrow.int64()),
                ("label", arrow.string()),
                *((f"probability_{name}", arrow.float32()) for name in self._classes),
                *trust,
                ("warnings", texts),
                ("model", arrow.string()),
                ("version", arrow.int32()),
                ("error", arrow.string()),
            ]
        )

    def table(
        self, file: str, numbers: NDArray[np.int64], predictions: Predictions, bad: Sequence[BadRow]
    ) -> Any:
        """A table of consecutive rows of a file, in their order.

        Args:
            file: as it was named.
            numbers: `int64[n]`, rows in the file, from 1.
            predictions: for n series, with all columns of warnings; not finite where the engine's outputs
                were not.
            bad: the rows that have no usable series.
        """
        finite: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(predictions.probabilities), axis=1)
        if predictions.ood_scores is not None:
            finite &= np.isfinite(predictions.ood_scores)
        columns = self._predicted(predictions, finite) | self._constant(file, len(numbers))
        columns["row"] = self._arrow.array(numbers)
        error = "the model's output is not a finite number; check the values of the series"
        columns["error"] = self._text(finite.astype(np.int32), [error], finite)
        table = self._arrow.table([columns[name] for name in self.schema.names], schema=self.schema)
        if not bad:
            return table
        places = np.concatenate([numbers, [row.number for row in bad]]).argsort(kind="stable")
        return self._arrow.concat_tables([table, self._without(file, bad)]).take(places)

    def _without(self, file: str, bad: Sequence[BadRow]) -> Any:
        """The rows without a prediction."""
        columns = self._constant(file, len(bad)) | {
            "row": self._arrow.array([row.number for row in bad], self._arrow.int64()),
            "error": self._arrow.array([row.reason for row in bad], self._arrow.string()),
        }
        nulls = {
            name: self._arrow.nulls(len(bad), self.schema.field(name).type)
            for name in self.schema.names
            if name not in columns
        }
        columns |= nulls
        return self._arrow.table([columns[name] for name in self.schema.names], schema=self.schema)

    def _predicted(self, predictions: Predictions, finite: NDArray[np.bool_]) -> dict[str, Any]:
        probabilities = predictions.probabilities
        has_label, is_odd = finite, ~finite
        columns: dict[str, Any] = {}
        if predictions.label_sets is not None and predictions.ood_scores is not None:
            if self._abstain:
                has_label = finite & (np.count_nonzero(predictions.label_sets, axis=1) == 1)
            columns["label_set"] = self._lists(predictions.label_sets, self._classes, is_odd)
            columns["ood_score"] = self._arrow.array(predictions.ood_scores, mask=is_odd)
        columns["label"] = self._text(probabilities.argmax(axis=1), self._classes, ~has_label)
        for place, name in enumerate(self._classes):
            values = np.ascontiguousarray(probabilities[:, place])
            columns[f"probability_{name}"] = self._arrow.array(values, mask=is_odd)
        columns["warnings"] = self._lists(predictions.warnings, self._codes, is_odd)
        return columns

    def _constant(self, file: str, rows: int) -> dict[str, Any]:
        arrow, contract = self._arrow, self._contract
        return {
            "file": arrow.repeat(file, rows),
            "model": arrow.repeat(contract.name, rows),
            "version": arrow.repeat(arrow.scalar(contract.version, arrow.int32()), rows),
        }

    def _text(self, codes: NDArray[Any], names: Sequence[str], null: NDArray[np.bool_]) -> Any:
        """The name of each code, or null."""
        indices = self._arrow.array(codes.astype(np.int32), mask=null)
        names = self._arrow.array(names, self._arrow.string())
        return self._arrow.DictionaryArray.from_arrays(indices, names).dictionary_decode()

    def _lists(self, chosen: NDArray[np.bool_] | None, names: Sequence[str], null: NDArray[np.bool_]) -> Any:
        """For each row of `bool[n, names]` the list of chosen names, or null."""
        if chosen is None:
            return self._arrow.nulls(len(null), self._arrow.list_(self._arrow.string()))
        offsets = np.zeros(len(chosen) + 1, np.int32)
        np.cumsum(np.count_nonzero(chosen, axis=1), out=offsets[1:])
        places = np.nonzero(chosen)[1]
        values = self._text(places, names, np.zeros(len(places), np.bool_))
        mask = self._arrow.array(null) if null.any() else None
        return self._arrow.ListArray.from_arrays(self._arrow.array(offsets), values, mask=mask)


class ShardWriter:
    """Writes tables into one Parquet file in memory, compressed as they come.

    Args:
        schema: of the tables.

    Attributes:
        rows: written so far.
    """

    def __init__(self, schema: Any) -> None:
        self._arrow = import_module("pyarrow")
        self._content = io.BytesIO()
        self._writer = import_module("pyarrow.parquet").ParquetWriter(self._content, schema)
        self._waiting: list[Any] = []
        self._waiting_rows = self.rows = 0

    def add(self, table: Any) -> None:
        """Take a table."""
        self._waiting.append(table)
        self._waiting_rows += len(table)
        self.rows += len(table)
        if self._waiting_rows >= _ROW_GROUP:
            self._flush()

    def finish(self) -> bytes:
        """The content of the file."""
        self._flush()
        self._writer.close()
        return self._content.getvalue()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(self._arrow.concat_tables(self._waiting))
        self._waiting, self._waiting_rows = [], 0
