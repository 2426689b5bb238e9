"""ARFF, as other hosts of the archive publish it: numeric attributes, and one nominal attribute, the label.

Parsed by SciPy, which training has and a server has not.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import numpy as np

from app.series.readers.labels import read_label
from app.series.readers.parsed import MAX_SERIES, ParsedSeries, Refused, quoted, too_long, too_many
from app.series.spec import MAX_LENGTH

_FORM = "give numeric attributes and one nominal one, or save the series as text"


def read_arff(text: str, *, limit: int | None = None) -> ParsedSeries:
    """The series of an ARFF file; rows are counted from the first after `@data`.

    Raises:
        Refused: SciPy is missing, cannot parse it, or its attributes are not those of labelled series.
    """
    try:
        from scipy.io import arff
    except ImportError as error:
        raise Refused(
            "ARFF needs SciPy, which is not installed", "pip install scipy, or save the series as text"
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        data, meta = arff.loadarff(io.StringIO(text))
    # SciPy's own errors, and those that its parser lets through.
    except (
        arff.ArffError,
        csv.Error,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise Refused(f"not ARFF that SciPy reads: {quoted(error)}", _FORM) from error
    except StopIteration as error:
        raise Refused("ARFF without @data", _FORM) from error
    _check_lengths(text, len(meta.names()))
    kinds = dict(zip(meta.names(), meta.types(), strict=True))
    numeric = [name for name, kind in kinds.items() if kind == "numeric"]
    others = [name for name, kind in kinds.items() if kind != "numeric"]
    if not numeric or len(others) > 1 or any(kinds[name] != "nominal" for name in others):
        raise Refused(
            f"{len(numeric)} numeric attributes and {len(others)} others ({quoted(', '.join(others))})", _FORM
        )
    return _rows(np.atleast_1d(data)[:limit], numeric, others)


def _check_lengths(text: str, attributes: int) -> None:
    """Refuse rows with more values than attributes: SciPy cuts them without an error."""
    rows = re.split(r"^\s*@data.*$", text, maxsplit=1, flags=re.IGNORECASE | re.MULTILINE)[-1].splitlines()
    written = (row for row in rows if row.strip() and not row.lstrip().startswith("%"))
    for number, row in enumerate(written, start=1):
        found = row.rstrip(", \t").count(",") + 1
        if found > attributes and not {'"', "'"} & set(row):
            raise Refused(f"row {number}: {found} values for {attributes} attributes", _FORM)


def _rows(data: Any, numeric: list[str], others: list[str]) -> ParsedSeries:
    if not len(data):
        raise Refused("no row follows @data", "give a file of series")
    if len(data) > MAX_SERIES:
        raise too_many(len(data))
    if len(numeric) > MAX_LENGTH:
        raise too_long("row 1")
    series = np.stack([data[name] for name in numeric], axis=1).astype(np.float64)
    if not others:
        return ParsedSeries(series=series, labels=None)
    labels = (label.decode("utf-8") for label in data[others[0]].tolist())
    return ParsedSeries(
        series=series,
        labels=tuple(read_label(label, f"row {row}") for row, label in enumerate(labels, start=1)),
    )
