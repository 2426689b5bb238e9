"""Lines of JSON: each is a series, or an object with it as `series` or `values`, and maybe a `label`."""

from __future__ import annotations

import codecs
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.series.readers.json_file import json_values
from app.series.readers.labels import read_label
from app.series.readers.parsed import MAX_SERIES, BadRow, ParsedSeries, Refused, quoted, too_many

_FORM = 'write a list of numbers a line, or {"series": [...], "label": "1"}'


def read_ndjson(content: bytes, *, limit: int | None = None, bad: list[BadRow] | None = None) -> ParsedSeries:
    """The series of a file; `null` and NaN are missing values, and empty lines are passed over.

    Args:
        content: of the file.
        limit: most series to read.
        bad: gets invalid lines, which are left out; None to refuse the file for one.

    Raises:
        Refused: a line is invalid, or some have a label and others have none.
    """
    found: list[tuple[int, NDArray[np.float64], str | None]] = []
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if len(found) == limit:
            break
        if not line.strip():
            continue
        try:
            found.append((number, *_parsed(f"row {number}", line)))
        except Refused as refused:
            if bad is None:
                raise
            bad.append(BadRow.of(number, refused))
        if len(found) > MAX_SERIES:
            raise too_many(len(found))
    if not found and not bad:
        raise Refused("no series", _FORM)
    labels = [label for _, _, label in found if label is not None]
    if labels and len(labels) < len(found):
        missing = next(number for number, _, label in found if label is None)
        raise Refused(f"row {missing}: no label, but other rows have one", "label all rows, or none")
    return ParsedSeries(
        series=[values for _, values, _ in found],
        labels=tuple(labels) if labels else None,
        numbers=[number for number, _, _ in found],
    )


def _parsed(row: str, line: bytes) -> tuple[NDArray[np.float64], str | None]:
    try:
        document: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{row}: not JSON: {quoted(error)}", _FORM) from error
    if not isinstance(document, dict):
        return json_values(row, document), None
    values = document.get("series", document.get("values"))
    if values is None:
        raise Refused(f"{row}: an object without series", _FORM)
    label = document.get("label")
    if label is not None and type(label) not in (str, int, float):
        raise Refused(f"{row}: the label is {quoted(json.dumps(label))}", "write text or a number")
    return json_values(row, values), None if label is None else read_label(str(label), row)
