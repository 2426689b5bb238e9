"""JSON: an array of series, or an object with `instances`, as in a request body."""

from __future__ import annotations

import codecs
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.series.readers.parsed import MAX_SERIES, BadRow, ParsedSeries, Refused, quoted, too_long, too_many
from app.series.spec import MAX_LENGTH

# A parsed list takes up to 20 times its bytes.
MAX_JSON_BYTES = 64 * 1024 * 1024
_FORM = 'write an array of series, or {"instances": [...]}'


def read_json(content: bytes, *, limit: int | None = None, bad: list[BadRow] | None = None) -> ParsedSeries:
    """The series of a JSON file; `null` and NaN are missing values.

    Args:
        content: of the file.
        limit: most series to read.
        bad: gets invalid series, which are left out; None to refuse the file for one.

    Raises:
        Refused: it is too large, not JSON, or not series of numbers.
    """
    if len(content) > MAX_JSON_BYTES:
        raise Refused(
            f"{len(content):,} bytes of JSON; at most {MAX_JSON_BYTES:,} are read", "save it as .npy"
        )
    try:
        document = json.loads(content.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError) as error:
        raise Refused(f"not JSON: {quoted(error)}", _FORM) from error
    if isinstance(document, dict):
        if "instances" not in document:
            raise Refused("a JSON object without instances", _FORM)
        document = document["instances"]
    if not isinstance(document, list) or not document:
        raise Refused("not an array of series", _FORM)
    rows = document if isinstance(document[0], list) else [document]
    if len(rows) > MAX_SERIES:
        raise too_many(len(rows))
    return _read_rows(rows[:limit], bad)


def _read_rows(rows: list[Any], bad: list[BadRow] | None) -> ParsedSeries:
    series, numbers = [], []
    for number, row in enumerate(rows, start=1):
        try:
            series.append(json_values(f"row {number}", row))
        except Refused as refused:
            if bad is None:
                raise
            bad.append(BadRow.of(number, refused))
        else:
            numbers.append(number)
    return ParsedSeries(series=series, labels=None, numbers=numbers if bad else None)


def json_values(row: str, values: Any) -> NDArray[np.float64]:
    """The values of one series, `float64[length]`; raises `Refused`."""
    if not isinstance(values, list) or not values:
        raise Refused(f"{row}: {quoted(json.dumps(values)[:200])} is not an array of numbers", _FORM)
    if len(values) > MAX_LENGTH:
        raise too_long(row)
    for position, value in enumerate(values, start=1):
        if type(value) not in (int, float, type(None)):
            shown = quoted(json.dumps(value)[:200])
            raise Refused(f"{row}: value {position} is {shown}, not a number", "write a number there")
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:  # an integer beyond float64
        return np.array([_float(value) for value in values])


def _float(value: float | None) -> float:
    try:
        return float("nan") if value is None else float(value)
    except OverflowError:
        return float("inf")
