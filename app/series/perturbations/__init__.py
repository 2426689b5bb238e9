"""Perturbations: copies of a series in which chosen regions of time and frequency are changed.

Training measures which perturbation suits a model; the server explains with the one that was chosen.
"""

from app.series.perturbations.base import Edges, Perturbation
from app.series.perturbations.create import (
    CELL_PERTURBATIONS,
    FREQUENCY_PERTURBATIONS,
    TIME_PERTURBATIONS,
    create_perturbation,
)
from app.series.perturbations.importance import log_odds
from app.series.perturbations.regions import most_bands, single_regions
from app.series.perturbations.spectrum import MedianSpectrum, median_spectrum

__all__ = [
    "CELL_PERTURBATIONS",
    "FREQUENCY_PERTURBATIONS",
    "TIME_PERTURBATIONS",
    "Edges",
    "MedianSpectrum",
    "Perturbation",
    "create_perturbation",
    "log_odds",
    "median_spectrum",
    "most_bands",
    "single_regions",
]
