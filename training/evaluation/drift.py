"""The reference for drift: sums over held-out training series, in each view in which clients send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.contract import MAX_DRIFT_LABELS, DriftReference, DriftView, Trust, ValueThresholds
from app.series.power_shares import band_count, power_shares
from training.evaluation.rounding_leak import distinct_values

# Fixed, not chosen from the series: the alarm's bounds hold for sets that were chosen before.
CONFIDENCE_EDGES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
# The score is a rank among the held-out series. The last cell is for series above all of them.
OOD_SCORE_EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.99999)


class ViewOutputs(NamedTuple):
    """The held-out series in one view, each once, and the outputs of models that were not fitted to them.

    Attributes:
        series: `float64[n, length]`.
        probabilities: `float32[n, classes]`, calibrated.
        novelty: `float32[n]`.
    """

    series: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]


def measure_drift(views: Mapping[str, ViewOutputs], trust: Trust) -> DriftReference | None:
    """The contract's reference for drift; None if there are more classes than a contract has room for.

    Args:
        views: by the name of the view.
        trust: of the contract; its quantiles and thresholds make the OOD scores and the warnings.
    """
    if any(outputs.probabilities.shape[1] > MAX_DRIFT_LABELS for outputs in views.values()):
        return None
    return DriftReference(
        confidence_edges=CONFIDENCE_EDGES,
        ood_score_edges=OOD_SCORE_EDGES,
        views=tuple(_sums(name, outputs, trust) for name, outputs in views.items()),
    )


def ood_scores(novelty: NDArray[np.float32], trust: Trust) -> NDArray[np.float32]:
    """The OOD scores `float32[n]` of novelties, as the service computes them."""
    quantiles = np.array(trust.novelty.quantiles)
    return np.interp(novelty, quantiles, np.linspace(0.0, 1.0, len(quantiles))).astype(np.float32)


def _sums(name: str, outputs: ViewOutputs, trust: Trust) -> DriftView:
    confidence, scores = outputs.probabilities.max(axis=1), ood_scores(outputs.novelty, trust)
    bands = band_count(outputs.series.shape[1])
    return DriftView(
        name=name,
        series=len(confidence),
        labels=_counts(outputs.probabilities.argmax(axis=1), outputs.probabilities.shape[1]),
        confidence=_cells(confidence, CONFIDENCE_EDGES),
        ood_score=_cells(scores, OOD_SCORE_EDGES),
        warnings=_warnings(outputs, trust),
        confidence_sum=round(float(confidence.sum(dtype=np.float64)), 3),
        ood_score_sum=round(float(scores.sum(dtype=np.float64)), 3),
        spectrum=tuple(round(float(each), 6) for each in power_shares(outputs.series, bands).sum(axis=0)),
    )


def _cells(values: NDArray[np.float32], edges: tuple[float, ...]) -> tuple[int, ...]:
    return _counts(np.searchsorted(edges, values), len(edges) + 1)


def _counts(indices: NDArray[np.int64], length: int) -> tuple[int, ...]:
    return tuple(map(int, np.bincount(indices, minlength=length)))


def _warnings(outputs: ViewOutputs, trust: Trust) -> dict[str, int]:
    """How many series get each warning, by the thresholds of `trust`."""
    series, limits = outputs.series, trust.habits
    distinct = distinct_values(series)
    flat = distinct == 1
    found = {
        "flat": flat,
        "clipped": _are_clipped(series, limits) & ~flat,
        "few_distinct_values": (distinct < limits.fewest_distinct) & ~flat,
        "unlike_training_data": outputs.novelty > trust.novelty.threshold,
    }
    return {code: int(np.count_nonzero(warned)) for code, warned in found.items()}


def _are_clipped(series: NDArray[np.float64], limits: ValueThresholds) -> NDArray[np.bool_]:
    highest, lowest = series.max(axis=1, keepdims=True), series.min(axis=1, keepdims=True)
    at_extreme = np.maximum(np.sum(series == highest, axis=1), np.sum(series == lowest, axis=1))
    return np.asarray(at_extreme > limits.most_at_extreme)
