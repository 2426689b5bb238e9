"""Artifacts with an explanation reference, as the job would seal it, for tests that explain."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from app.contract import (
    Artifact,
    CellsPart,
    Curve,
    ExplanationContent,
    ExplanationReference,
    Faithfulness,
    FrequencyPart,
    Perturbations,
    TimePart,
)
from app.series.perturbations import median_spectrum, most_bands

CURVE = Curve(most_first=0.5, random=0.7, least_first=0.9)
FIGURES = Faithfulness(deletion=CURVE, insertion=CURVE, unlike=0.02, unlike_in_curves=0.2)


def perturbations(series: NDArray[np.float32]) -> Perturbations:
    """A reference whose median spectrum is that of series `float32[n, *SeriesSpec.shape]`."""
    spectrum = median_spectrum(series, is_relative=True)
    bands = min(25, most_bands(series.shape[1]))
    return Perturbations(
        series=len(series),
        time=TimePart(perturbation="smooth_window", windows=10, faithfulness=FIGURES),
        frequency=FrequencyPart(perturbation="band_gain", bands=bands, faithfulness=FIGURES),
        cells=CellsPart(perturbation="cell_gain", windows=10, bands=bands, faithfulness=FIGURES),
        is_relative=True,
        median_power=tuple(map(tuple, spectrum.power.tolist())),
    )


def explained(artifact: Artifact, series: NDArray[np.float32]) -> Artifact:
    """The artifact as if it had been sealed with a reference measured on these series."""
    reference = ExplanationReference(content=ExplanationContent(perturbations=perturbations(series)))
    contract = artifact.contract.model_copy(update={"explanation_reference": reference})
    return dataclasses.replace(artifact, contract=contract)
