"""Out-of-distribution (OOD) series, to measure how well the novelty score detects them. For reports only.

Some are synthetic; the others are test series of the other data sets in the archive's package, interpolated
to the same length. They are not used in training or to choose a threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.ucr import read_ucr_file
from training.errors import DataError

Series = NDArray[np.float64]
SEED = 20_000
SYNTHETIC_SERIES = 200
ARCHIVE_SERIES = 40
# Data sets of the archive with the same kind of signal (near-OOD): reported separately from OOD data sets.
RELATED_DATASETS = (
    {"CricketX", "CricketY", "CricketZ"},
    {"DistalPhalanxOutlineAgeGroup", "DistalPhalanxOutlineCorrect", "DistalPhalanxTW"},
    {"EOGHorizontalSignal", "EOGVerticalSignal"},
    {"FaceAll", "FacesUCR"},
    {"FordA", "FordB"},
    {"FreezerRegularTrain", "FreezerSmallTrain"},
    {"GestureMidAirD1", "GestureMidAirD2", "GestureMidAirD3"},
    {"GesturePebbleZ1", "GesturePebbleZ2"},
)


def synthetic_series(length: int) -> dict[str, Series]:
    """Groups of synthetic series, each `float64[SYNTHETIC_SERIES, length]`, always the same ones."""
    makers: Mapping[str, Callable[[np.random.Generator, int], Series]] = {
        "white noise": lambda random, n: random.standard_normal((SYNTHETIC_SERIES, n)),
        "pink noise": _pink,
        "sines": _sines,
        "flat lines": lambda random, n: np.repeat(random.normal(0, 10, (SYNTHETIC_SERIES, 1)), n, axis=1),
        "clipped lines": _clipped_lines,
    }
    return {
        name: make(np.random.default_rng([SEED, i]), length) for i, (name, make) in enumerate(makers.items())
    }


def other_datasets(folder: Path, length: int, *, exclude: str) -> dict[str, Series]:
    """Test series of every readable data set in a folder but one, `float64[n, length]` each.

    All series of a related data set, which is reported separately; the first `ARCHIVE_SERIES` of the others.
    """
    found, related = {}, related_datasets(exclude)
    for path in sorted(folder.glob("*_TEST.tsv")):
        name = path.stem.removesuffix("_TEST")
        if name == exclude:
            continue
        try:
            file = read_ucr_file(
                path, expected=None, remedy="", limit=None if name in related else ARCHIVE_SERIES
            )
        except DataError:
            continue  # series of unequal length or with missing values
        found[name] = stretch(file.values.astype(np.float64), length)
    return found


def related_datasets(dataset: str) -> set[str]:
    """Names of the other data sets with the same kind of signal."""
    return {name for group in RELATED_DATASETS if dataset in group for name in group} - {dataset}


def stretch(series: Series, length: int) -> Series:
    """Resample series to another length by linear interpolation."""
    old, new = np.linspace(0, 1, series.shape[1]), np.linspace(0, 1, length)
    return np.stack([np.interp(new, old, row) for row in series])


def _pink(random: np.random.Generator, length: int) -> Series:
    """Noise whose power is inversely proportional to the frequency."""
    spectrum = np.fft.rfft(random.standard_normal((SYNTHETIC_SERIES, length)))
    spectrum[:, 1:] /= np.sqrt(np.arange(1, spectrum.shape[1]))
    spectrum[:, 0] = 0
    return np.fft.irfft(spectrum, length)


def _sines(random: np.random.Generator, length: int) -> Series:
    """Of 1 to length / 4 periods."""
    periods = np.exp(random.uniform(0, np.log(max(2.0, length / 4)), (SYNTHETIC_SERIES, 1)))
    phase = random.uniform(0, 2 * np.pi, (SYNTHETIC_SERIES, 1))
    return np.sin(2 * np.pi * periods * np.arange(length) / length + phase)


def _clipped_lines(random: np.random.Generator, length: int) -> Series:
    """Straight lines clipped on both sides, as by a saturated sensor."""
    lines = random.uniform(-3, 3, (SYNTHETIC_SERIES, 1)) * np.linspace(-1, 1, length) + random.normal(
        0, 0.5, (SYNTHETIC_SERIES, 1)
    )
    limits = random.uniform(0.1, 0.8, (SYNTHETIC_SERIES, 1)) * np.abs(lines).max(axis=1, keepdims=True)
    return np.clip(lines, -limits, limits)
