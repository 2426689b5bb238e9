"""Perturbations by their names in a contract."""

from __future__ import annotations

from app.series.perturbations.bands import BandGain, BandStop
from app.series.perturbations.base import Perturbation
from app.series.perturbations.cells import CellGain, CellStop
from app.series.perturbations.spectrum import MedianSpectrum
from app.series.perturbations.windows import InterpolatedGap, SmoothWindow

TIME_PERTURBATIONS = (SmoothWindow.name, InterpolatedGap.name)
FREQUENCY_PERTURBATIONS = (BandGain.name, BandStop.name)
CELL_PERTURBATIONS = (CellGain.name, CellStop.name)


def create_perturbation(
    name: str, length: int, spectrum: MedianSpectrum, *, windows: int = 0, bands: int = 0
) -> Perturbation:
    """A perturbation by its name.

    Args:
        name: one of the names above.
        length: of the series.
        spectrum: of the training data.
        windows: number of time windows, from 1 to `length`; unused for bands.
        bands: number of frequency bands, from 1 to `most_bands`; unused for windows.
    """
    match name:
        case SmoothWindow.name:
            return SmoothWindow(length, windows)
        case InterpolatedGap.name:
            return InterpolatedGap(length, windows)
        case BandGain.name:
            return BandGain(length, bands, spectrum)
        case BandStop.name:
            return BandStop(length, bands)
        case CellGain.name:
            return CellGain(length, windows, bands, spectrum)
        case CellStop.name:
            return CellStop(length, windows, bands)
    raise ValueError(f"no perturbation is named {name!r}")
