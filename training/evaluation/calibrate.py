"""Calibration, conformal label sets and the novelty threshold, from outputs on held-out series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from app.contract import LabelSets, NoveltySpec, Trust, ValueThresholds
from training.evaluation.rounding_leak import distinct_values
from training.model.sealed import NOVELTY

LEVELS = (0.9, 0.95, 0.99)
# Fraction of held-out training series that count as in-distribution.
IN_DISTRIBUTION = 0.995
QUANTILES = 201

Logits = NDArray[np.float32]


def fit_temperature(logits: Logits, targets: NDArray[np.int64]) -> float:
    """The divisor of logits `float32[n, classes]` that minimises the cross-entropy."""

    def cross_entropy(log_temperature: float) -> float:
        likelihood = log_softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=1)
        return float(-likelihood[np.arange(len(targets)), targets].mean())

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(-4.0, 4.0), method="bounded").x))


def measure_trust(
    probabilities: NDArray[np.float32],
    targets: NDArray[np.int64],
    novelty: NDArray[np.float32],
    *,
    views: list[NDArray[np.float64]],
) -> Trust:
    """The contract's `trust`: label sets, novelty threshold and habits of the input.

    Args:
        probabilities: `float32[n, classes]`, calibrated, of held-out series.
        targets: `int64[n]`, of the same series.
        novelty: `float32[n]`, of the same series.
        views: `float64[k, length]` each, the training series as clients are expected to send them.
    """
    threshold = float(np.quantile(novelty, IN_DISTRIBUTION, method="higher"))
    likelihood = np.where(novelty <= threshold, probabilities[np.arange(len(targets)), targets], 0.0)
    accuracy = float(np.mean(probabilities.argmax(axis=1) == targets))
    return Trust(
        label_sets=LabelSets(
            # Below the accuracy, uncertain series would get empty sets; above it, they get several labels.
            level=next((level for level in LEVELS if level > accuracy), LEVELS[-1]),
            thresholds={str(level): conformal_threshold(likelihood, level) for level in LEVELS},
        ),
        novelty=NoveltySpec(
            name=NOVELTY,
            quantiles=tuple(round(float(q), 6) for q in np.quantile(novelty, np.linspace(0, 1, QUANTILES))),
            threshold=threshold,
        ),
        habits=input_habits(views),
    )


def conformal_threshold(likelihood: NDArray[np.floating], level: float) -> float:
    """The lowest probability with which a label is in the set.

    Split conformal prediction: with `n` held-out probabilities of the true label, the one of rank
    `floor((1 - level)(n + 1))` in ascending order (Angelopoulos and Bates, "A Gentle Introduction to
    Conformal Prediction", 2021, section 1). 0 (every label) if `n` is too small for the level.
    """
    rank = int(np.floor((1 - level) * (len(likelihood) + 1) + 1e-9))
    return float(np.sort(likelihood)[rank - 1]) if rank >= 1 else 0.0


def input_habits(views: list[NDArray[np.float64]]) -> ValueThresholds:
    """Limits of distinct and extreme values, with a margin around those of the training series."""
    distinct = min(int(distinct_values(view).min()) for view in views)
    at_extreme = max(
        int(np.sum(view == extreme(view, axis=1, keepdims=True), axis=1).max())
        for view in views
        for extreme in (np.max, np.min)
    )
    return ValueThresholds(
        fewest_distinct=max(1, distinct // 2), most_at_extreme=2 * at_extreme + views[0].shape[1] // 50
    )
