"""Series that are not from the data set, to see whether the novelty score tells them apart. For reports only.

Some are made up; the others are test series of whatever else the archive's package holds, stretched to the
same length. None of them has a part in training or in choosing a threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.ucr import read_rows
from training.errors import DataError

Series = NDArray[np.float64]
SEED = 20_000
COUNT = 200
EACH = 40
# Data sets of the archive that hold the same kind of signal: reported beside the others, for they are not
# something else.
FAMILIES = (
    {"CricketX", "CricketY", "CricketZ"},
    {"DistalPhalanxOutlineAgeGroup", "DistalPhalanxOutlineCorrect", "DistalPhalanxTW"},
    {"EOGHorizontalSignal", "EOGVerticalSignal"},
    {"FaceAll", "FacesUCR"},
    {"FordA", "FordB"},
    {"FreezerRegularTrain", "FreezerSmallTrain"},
    {"GestureMidAirD1", "GestureMidAirD2", "GestureMidAirD3"},
    {"GesturePebbleZ1", "GesturePebbleZ2"},
)


def made_up(length: int) -> dict[str, Series]:
    """Groups of synthetic series, each `float64[COUNT, length]`, always the same ones."""
    makers: Mapping[str, Callable[[np.random.Generator, int], Series]] = {
        "white noise": lambda random, n: random.standard_normal((COUNT, n)),
        "pink noise": _pink,
        "sines": _sines,
        "flat lines": lambda random, n: np.repeat(random.normal(0, 10, (COUNT, 1)), n, axis=1),
        "clipped lines": _clipped_lines,
    }
    return {
        name: make(np.random.default_rng([SEED, i]), length) for i, (name, make) in enumerate(makers.items())
    }


def other_datasets(folder: Path, length: int, *, but: str) -> dict[str, Series]:
    """Test series of every other readable data set in a folder, `float64[n, length]` each.

    All of a relative, which is reported by itself; the first few of the others, which are reported together.
    """
    found, relatives = {}, relatives_of(but)
    for path in sorted(folder.glob("*_TEST.tsv")):
        name = path.stem.removesuffix("_TEST")
        if name == but:
            continue
        try:
            file = read_rows(path, expected=None, remedy="", limit=None if name in relatives else EACH)
        except DataError:
            continue  # series of varying length, or with gaps: nothing that could be stretched
        found[name] = stretch(file.values.astype(np.float64), length)
    return found


def relatives_of(dataset: str) -> set[str]:
    """Names of the other data sets that hold the same kind of signal."""
    return {name for family in FAMILIES if dataset in family for name in family} - {dataset}


def stretch(series: Series, length: int) -> Series:
    """Series brought to another length by linear interpolation."""
    old, new = np.linspace(0, 1, series.shape[1]), np.linspace(0, 1, length)
    return np.stack([np.interp(new, old, row) for row in series])


def _pink(random: np.random.Generator, length: int) -> Series:
    """Noise whose power falls with the frequency."""
    spectrum = np.fft.rfft(random.standard_normal((COUNT, length)))
    spectrum[:, 1:] /= np.sqrt(np.arange(1, spectrum.shape[1]))
    spectrum[:, 0] = 0
    return np.fft.irfft(spectrum, length)


def _sines(random: np.random.Generator, length: int) -> Series:
    """Of 1 to length / 4 periods."""
    periods = np.exp(random.uniform(0, np.log(max(2.0, length / 4)), (COUNT, 1)))
    phase = random.uniform(0, 2 * np.pi, (COUNT, 1))
    return np.sin(2 * np.pi * periods * np.arange(length) / length + phase)


def _clipped_lines(random: np.random.Generator, length: int) -> Series:
    """Straight lines that stop at a limit on either side, as a saturated sensor's."""
    lines = random.uniform(-3, 3, (COUNT, 1)) * np.linspace(-1, 1, length) + random.normal(0, 0.5, (COUNT, 1))
    limits = random.uniform(0.1, 0.8, (COUNT, 1)) * np.abs(lines).max(axis=1, keepdims=True)
    return np.clip(lines, -limits, limits)
