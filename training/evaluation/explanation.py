"""Chooses how a model's predictions are explained, by measures on held-out training series."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.contract import CellsPart, Faithfulness, FrequencyPart, Perturbations, TimePart
from app.series.perturbations import (
    CELL_PERTURBATIONS,
    FREQUENCY_PERTURBATIONS,
    TIME_PERTURBATIONS,
    Perturbation,
    create_perturbation,
    median_spectrum,
    most_bands,
)
from training.evaluation.accuracy import Predict
from training.evaluation.faithfulness import CALL_ROWS, measure, outputs_of, rows_of

# Regions, where a series is long enough.
WINDOWS, BANDS = 10, 25
CELLS = (10, 25)
# Shorter series have too few time steps and frequencies for regions.
SHORTEST = 8
# A model that is so slow that the series would take longer is measured on fewer.
SECONDS = 40.0
LEAST_SERIES = 4
# A perturbation that lowers the probability by less than this, compared with a random order, tells nothing.
LEAST_MARGIN = 0.02
_SEED = 0

Candidates = Mapping[str, Faithfulness]


@dataclass(frozen=True, slots=True)
class ExplanationMeasurement:
    """What is sealed, and the figures of all candidates.

    Attributes:
        perturbations: of the contract.
        candidates: name of a part (`time`, `frequency`, `cells`) to the figures of its candidates.
    """

    perturbations: Perturbations
    candidates: Mapping[str, Candidates]


def measure_explanation(
    predict: Predict,
    held_out: NDArray[np.float32],
    train: NDArray[np.float32],
    *,
    threshold: float | None,
    most: int,
    is_relative: bool = True,
) -> ExplanationMeasurement | None:
    """Measure all candidates on held-out series, and choose one for each part.

    Args:
        predict: of a model that was not fitted to the held-out series.
        held_out: `float32[n, *SeriesSpec.shape]`.
        train: all training series, for the median spectrum.
        threshold: of the novelty; None without one.
        most: most series to measure.
        is_relative: whether the model is invariant to scale.

    Returns:
        The figures; None if the series are too short, or none is to be measured.
    """
    length = train.shape[1]
    if length < SHORTEST or len(held_out) == 0 or most == 0:
        return None
    spectrum = median_spectrum(train, is_relative=is_relative)
    windows, bands = min(WINDOWS, length), min(BANDS, most_bands(length))
    cells = min(CELLS[0], length), min(CELLS[1], most_bands(length))

    def create(name: str) -> Perturbation:
        is_cell = name in CELL_PERTURBATIONS
        return create_perturbation(
            name,
            length,
            spectrum,
            windows=cells[0] if is_cell else windows,
            bands=cells[1] if is_cell else bands,
        )

    names = {"time": TIME_PERTURBATIONS, "frequency": FREQUENCY_PERTURBATIONS, "cells": CELL_PERTURBATIONS}
    created = {part: [create(name) for name in those] for part, those in names.items()}
    rows = sum(rows_of(each.regions) for those in created.values() for each in those)
    series = _sample(held_out, min(most, _affordable(predict, held_out, rows=rows)))
    candidates = {
        part: {
            each.name: measure(each, series, predict, threshold=threshold, seed=_SEED)
            for each in perturbations
        }
        for part, perturbations in created.items()
    }
    return ExplanationMeasurement(
        Perturbations(
            series=len(series),
            time=_chosen(TimePart, candidates["time"], windows=windows),
            frequency=_chosen(FrequencyPart, candidates["frequency"], bands=bands),
            cells=_chosen(CellsPart, candidates["cells"], windows=cells[0], bands=cells[1]),
            is_relative=is_relative,
            median_power=tuple(map(tuple, spectrum.power.tolist())),
        ),
        candidates,
    )


def choose(candidates: Candidates) -> str:
    """The name of the best candidate.

    Of those that tell something, the one whose variants are most like the training data: a probability that
    falls because a variant is unlike all data tells nothing about the series. Without an OOD score, the one
    that tells most.
    """

    def margin(name: str) -> float:
        curve = candidates[name].deletion
        return curve.random - curve.most_first

    telling = [name for name in candidates if margin(name) >= LEAST_MARGIN]
    shares = {name: share for name in telling if (share := candidates[name].unlike_in_curves) is not None}
    if shares:
        return min(shares, key=lambda name: (shares[name], -margin(name)))
    return max(candidates, key=margin)


def _chosen(part: Callable[..., Any], candidates: Candidates, **regions: int) -> Any:
    name = choose(candidates)
    return part(perturbation=name, faithfulness=candidates[name], **regions)


def _affordable(predict: Predict, series: NDArray[np.float32], *, rows: int) -> int:
    """How many series can be measured within `SECONDS`, each with so many rows."""
    block = np.resize(series, (CALL_ROWS, *series.shape[1:]))
    outputs_of(predict, block)  # compiles
    began = time.perf_counter()
    outputs_of(predict, block)
    row = (time.perf_counter() - began) / CALL_ROWS
    return max(LEAST_SERIES, int(SECONDS / (row * rows)))


def _sample(series: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """Some of the series, at random; all if there are no more."""
    order = np.random.default_rng(_SEED).permutation(len(series))
    return series[np.sort(order[:number])]
