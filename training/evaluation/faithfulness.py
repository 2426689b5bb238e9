"""How faithful the importances of a perturbation are: deletion and insertion curves of several series.

If importances are right, perturbing the most important regions first lowers the probability fastest, and the
least important ones first, slowest. (Petsiuk et al., "RISE: Randomized Input Sampling for Explanation of
Black-box Models", 2018, section 4.3; Schlegel et al., "Towards a Rigorous Evaluation of XAI Methods on Time
Series", 2019.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from app.contract import Curve, Faithfulness
from app.series.perturbations import Perturbation, log_odds, single_regions
from training.evaluation.accuracy import ModelOutputs, Predict

# Parts of the regions that are perturbed, or restored, in the steps of a curve.
STEPS = (0.1, 0.2, 0.3, 0.4, 0.5)
ORDERS = ("most_first", "random", "least_first")
# Rows of a call: one number, because TensorFlow compiles a graph for each.
CALL_ROWS = 256

Series = NDArray[np.float32]
Chosen = NDArray[np.bool_]


def measure(
    perturbation: Perturbation, series: Series, predict: Predict, *, threshold: float | None, seed: int
) -> Faithfulness:
    """Measure a perturbation on series.

    Args:
        perturbation: with its regions.
        series: `float32[n, *SeriesSpec.shape]`.
        predict: computes outputs of series.
        threshold: of the novelty; None without one.
        seed: of the random order.
    """
    base = outputs_of(predict, series)
    targets = base.probabilities.argmax(axis=1)
    regions, count = perturbation.regions, len(series)
    each = np.repeat(single_regions(regions, 0, regions)[np.newaxis], count, axis=0)
    single = outputs_of(predict, _variants(perturbation, series, each))
    odds = log_odds(single.probabilities, np.repeat(targets, regions)).reshape(count, regions)
    importances = log_odds(base.probabilities, targets)[:, np.newaxis] - odds
    chosen = np.stack([_curves(row, np.random.default_rng([seed, i])) for i, row in enumerate(importances)])
    curves = outputs_of(predict, _variants(perturbation, series, chosen))
    rows = np.arange(len(curves.probabilities))
    by_curve = curves.probabilities[rows, np.repeat(targets, chosen.shape[1])]
    means = by_curve.reshape(count, 2, len(ORDERS), len(STEPS)).mean(axis=(0, 3), dtype=np.float64)
    deletion, insertion = (
        Curve(**{order: round(float(mean), 4) for order, mean in zip(ORDERS, curve, strict=True)})
        for curve in means
    )
    return Faithfulness(
        deletion=deletion,
        insertion=insertion,
        unlike=_share_unlike(single, threshold),
        unlike_in_curves=_share_unlike(curves, threshold),
    )


def rows_of(regions: int) -> int:
    """How many outputs a series needs to be measured."""
    return 1 + regions + 2 * len(ORDERS) * len(STEPS)


def outputs_of(predict: Predict, series: Iterable[Series]) -> ModelOutputs:
    """Outputs of any number of series, in calls of `CALL_ROWS`; the last call is filled up."""
    parts = []
    rows = iter(series)
    while block := list(islice(rows, CALL_ROWS)):
        filled = np.stack(block + [block[0]] * (CALL_ROWS - len(block)))
        outputs = predict(filled)
        novelty = None if outputs.novelty is None else outputs.novelty[: len(block)]
        parts.append(ModelOutputs(outputs.probabilities[: len(block)], novelty))
    probabilities = np.concatenate([part.probabilities for part in parts])
    known = [part.novelty for part in parts if part.novelty is not None]
    return ModelOutputs(probabilities, np.concatenate(known) if known else None)


def _variants(perturbation: Perturbation, series: Series, chosen: Chosen) -> Iterator[Series]:
    """The variants of each series, one after the other; `chosen` is `bool[n, m, regions]`."""
    for one, regions in zip(series, chosen, strict=True):
        yield from perturbation(one, regions)


def _curves(importances: NDArray[np.float64], random: np.random.Generator) -> Chosen:
    """The perturbed regions of each step, `bool[2 * 3 * 5, regions]`: deletion, then insertion."""
    regions = len(importances)
    ascending = np.argsort(importances, kind="stable")
    orders = {"most_first": ascending[::-1], "random": random.permutation(regions), "least_first": ascending}
    deleted = np.zeros((len(ORDERS), len(STEPS), regions), np.bool_)
    for order, name in enumerate(ORDERS):
        for step, part in enumerate(STEPS):
            deleted[order, step, orders[name][: max(1, round(part * regions))]] = True
    both = np.stack([deleted, ~deleted])
    return both.reshape(-1, regions)


def _share_unlike(outputs: ModelOutputs, threshold: float | None) -> float | None:
    if threshold is None or outputs.novelty is None:
        return None
    return round(float(1 - np.mean(outputs.novelty <= threshold)), 4)
