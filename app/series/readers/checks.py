"""Refuses values that float32 cannot hold, with row and position."""

from __future__ import annotations

import numpy as np

from app.series.offset import FLOAT32_END
from app.series.readers.parsed import ParsedSeries, Refused, Values, quoted


def check_range(rows: ParsedSeries) -> None:
    """Refuse values that are infinite or beyond float32.

    Missing values, NaN, pass. So do very small ones: `app.series.offset` brings them into float32's range.

    Raises:
        Refused: names the row and the value.
    """
    if isinstance(rows.series, np.ndarray):
        # One check of the whole array is enough for most files.
        with np.errstate(invalid="ignore"):
            sizes = np.fmax.reduce(np.abs(rows.series), axis=1).astype(np.float64)
        if np.all(sizes < FLOAT32_END):
            return
    for index, values in enumerate(rows.series):
        check_values(values, rows.row(index))


def check_values(values: Values, row: str) -> None:
    """Refuse a value of one series that is infinite or beyond float32.

    Raises:
        Refused: names the row and the value.
    """
    sizes = np.abs(values.astype(np.float64))  # float16 cannot be compared with float32's largest
    largest = float(np.fmax.reduce(sizes))  # passes over NaN
    if largest >= FLOAT32_END:
        index = int(np.flatnonzero(sizes >= FLOAT32_END)[0])
        value = float(values[index])
        what = "infinite" if np.isinf(value) else "beyond the range of float32, ±3.4e38"
        raise Refused(
            f"{row}: value {index + 1} is {quoted(value)}, {what}", "correct it, or scale all series down"
        )
