"""Missing values and series of unequal length: refused, or treated as the UCR archive treats its own.

The archive ships its data sets of this kind a second time, made complete; its README of 2018 on the folder
`Missing_value_and_variable_length_datasets_adjusted` says how: "Missing values are treated with linear
interpolation", and "Variable lengths are reconciled by padding low amplitude random noise to the end of each
time series to the length of the longest time series". As in its files, missing values at the end of a row
mean that the series is shorter, and all others are gaps.

The README does not say around which level the noise is, nor how low its amplitude. The archive's other hosts
pad with "the series mean perturbed by low level Gaussian noise" (Middlehurst, Schäfer and Bagnall, "Bake off
redux", arXiv 2304.13029), and in their files, such as PickupGestureWiimoteZ_eq, that noise has about a
hundredth of the series' standard deviation. So it is here: then padding is the same at any offset and scale.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from app.series.readers.parsed import ParsedSeries, Refused, Values

REFUSE = "refuse"
INTERPOLATE = "interpolate"
PAD = "pad"
MISSING = (REFUSE, INTERPOLATE)
UNEQUAL = (REFUSE, PAD)
AMPLITUDE = 0.01  # of the noise, in standard deviations of the series


@dataclass(frozen=True, slots=True)
class GapRules:
    """How incomplete series are treated.

    Attributes:
        missing: one of `MISSING`.
        unequal: one of `UNEQUAL`.
        length: to pad to; None for that of the longest row of the file, missing values counted.
    """

    missing: str = REFUSE
    unequal: str = REFUSE
    length: int | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown rule."""
        if self.missing not in MISSING or self.unequal not in UNEQUAL:
            raise ValueError(f"missing takes one of {MISSING}, unequal one of {UNEQUAL}")


def completed(rows: ParsedSeries, rules: GapRules) -> Values:
    """All series as one array `[n, length]` without missing values, in the dtype that they have.

    Raises:
        Refused: the rules refuse a series, it has no values, or it is longer than the length to pad to.
    """
    lengths = {len(values) for values in rows.series}
    wanted = rules.length if rules.unequal == PAD else None
    if len(lengths) == 1 and wanted in {None, *lengths}:
        matrix: Values = np.stack(rows.series) if isinstance(rows.series, list) else np.asarray(rows.series)
        if not np.isnan(matrix).any():
            return matrix
    width = wanted or max(lengths)
    return np.stack([_complete(rows, index, rules, width) for index in range(len(rows.series))])


def completed_row(rows: ParsedSeries, index: int, rules: GapRules) -> Values:
    """One series without missing values, `[length]`; padded, if that is the rule, to the rules' length.

    Its length is compared with no other row's.

    Raises:
        Refused: the rules refuse the series, it has no values, or it is longer than the length to pad to.
    """
    alone = ParsedSeries([rows.series[index]], None, numbers=[rows.number(index)])
    values: Values = completed(alone, rules)[0]
    return values


def _complete(rows: ParsedSeries, index: int, rules: GapRules, width: int) -> Values:
    values, row = rows.series[index], rows.row(index)
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        raise Refused(f"{row}: all values are missing", "remove the row")
    end = int(known[-1]) + 1
    values = values[:end]
    if len(known) < end:
        if rules.missing != INTERPOLATE:
            position = int(np.flatnonzero(np.isnan(values))[0]) + 1
            raise Refused(f"{row}: value {position} is missing", "fill it in, or give --missing interpolate")
        values = interpolated(values)
    if rules.unequal != PAD:
        _check_length(rows, index, end)
    if end > width:
        raise Refused(
            f"{row}: {end:,} values; the model was trained on {width:,}",
            f"cut the series to {width:,} values",
        )
    return padded(values, width)


def _check_length(rows: ParsedSeries, index: int, end: int) -> None:
    row, written, first = rows.row(index), len(rows.series[index]), len(rows.series[0])
    remedy = "cut all series to one length, or give --unequal pad"
    if end < written:
        raise Refused(f"{row}: value {end + 1} and all after it are missing", remedy)
    if written != first:
        values = f"{written:,} value{'' if written == 1 else 's'}"
        raise Refused(f"{row}: {values}, but {rows.row(0)} has {first:,}", remedy)


def interpolated(values: Values) -> Values:
    """A series `[length]` whose NaNs lie on straight lines between their neighbours.

    Those before the first known value are equal to it, those after the last to that.
    """
    missing = np.isnan(values)
    places = np.arange(len(values))
    filled = values.copy()
    filled[missing] = np.interp(places[missing], places[~missing], values[~missing])
    return filled


def padded(values: Values, length: int) -> Values:
    """A series with noise of low amplitude around its mean after its end, `[length]`.

    The values alone decide the noise: a series is padded alike in training, in testing and in a request.
    """
    missing = length - len(values)
    if missing <= 0:
        return values
    exact = values.astype("<f8")
    seed = np.frombuffer(hashlib.sha256(exact.tobytes()).digest(), dtype="<u4")
    noise = np.random.default_rng(seed.tolist()).standard_normal(missing)
    # Divided first: the squares of very small values would be zero.
    size = float(np.abs(exact).max()) or 1.0
    # A constant series has no deviation to go by.
    amplitude = AMPLITUDE * (size * float((exact / size).std()) or 1.0)
    return np.concatenate([values, (exact.mean() + amplitude * noise).astype(values.dtype)])
