"""The bets of the alarm: each pays if one share of the series is larger than the reference allows.

A bet is on a set of cells: "the OOD score is above 0.95", "the label is -1". Let `p` be the probability that
a series is in the set, and `U` the highest `p` that the reference allows. A bet with `q > U` multiplies its
wealth by `q / U` for a series in the set, and by `(1 - q) / (1 - U)` for another one. If `p <= U`, given
everything before, the expected factor is at most 1. So the wealth is a test supermartingale, and it
exceeds `1 / a` at any time with probability `a` at most (Ville, 1939; see Ramdas and others, "Game-theoretic
statistics and safe anytime-valid inference", 2023).

**The reference is a sample.** Its shares differ from those of the distribution that it was drawn from, and a
test against them would be sure to alarm one day. So `U` is an upper confidence bound of `p`: the largest one
with `n * kl(k / n, U) <= log(1 / d)`, for `k` of `n` reference series in the set (Hoeffding, 1963, theorem
1). The bounds of all sets and views hold together with probability `1 - d * sets * views` at least.

**The reference has several views**, and clients send any mix of them. `U` is the largest of the views'
bounds, so it is one for every mix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.contract import DriftReference

# Of labels, these many most frequent ones get bets.
MAX_LABELS = 16
# What a bet expects: the odds of `U`, multiplied by e to the power of these.
STEPS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
STATISTICS = ("ood_score", "confidence", "labels")


@dataclass(frozen=True, slots=True)
class Bets:
    """All bets against one reference.

    Attributes:
        sets: `float64[s, cells]`, 1 for the cells of each set; cells of all statistics side by side.
        cells: `float64[s, cells]`, 1 for all cells of each set's statistic.
        win: `float64[s, steps]`, logarithm of a bet's factor for a series in the set.
        lose: the same for another series.
        statistic: `int64[s]`, index in `STATISTICS`; ascends.
    """

    sets: NDArray[np.float64]
    cells: NDArray[np.float64]
    win: NDArray[np.float64]
    lose: NDArray[np.float64]
    statistic: NDArray[np.int64]

    def log_factors(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The logarithm of each bet's factor for some series, `float64[s, steps]`.

        Args:
            counts: `float64[cells]`, how many of them are in each cell.
        """
        inside = self.sets @ counts
        outside = self.cells @ counts - inside
        return inside[:, np.newaxis] * self.win + outside[:, np.newaxis] * self.lose


def make_bets(reference: DriftReference, *, miss_rate: float) -> Bets:
    """The bets against a reference.

    Args:
        reference: of the contract.
        miss_rate: probability with which any bound may be too low, because the reference is a sample.
    """
    counts = {
        name: np.array([getattr(view, name) for view in reference.views], np.float64) for name in STATISTICS
    }
    sets = {
        "ood_score": _tails(len(reference.ood_score_edges) + 1),
        "confidence": _tails(len(reference.confidence_edges) + 1),
        "labels": _classes(counts["labels"].sum(axis=0)),
    }
    total = sum(map(len, sets.values()))
    budget = math.log(total * len(reference.views) / miss_rate)
    bounds = np.array(
        [
            max(
                upper_bound(float(view @ members), float(view.sum()), log_inverse_rate=budget)
                for view in counts[name]
            )
            for name in STATISTICS
            for members in sets[name]
        ]
    )
    odds = bounds / (1 - bounds)
    expected = np.outer(odds, np.exp(STEPS))
    expected = expected / (1 + expected)
    return Bets(
        sets=_side_by_side(sets),
        cells=_side_by_side({name: np.ones_like(members) for name, members in sets.items()}),
        win=np.log(expected / bounds[:, np.newaxis]),
        lose=np.log((1 - expected) / (1 - bounds[:, np.newaxis])),
        statistic=np.repeat(np.arange(len(STATISTICS)), [len(sets[name]) for name in STATISTICS]),
    )


def upper_bound(inside: float, series: float, *, log_inverse_rate: float) -> float:
    """The upper confidence bound of a probability, below 1.

    Args:
        inside: number of series in the set.
        series: number of all series.
        log_inverse_rate: logarithm of 1 / d, where d is the probability that the bound is too low.
    """
    share = inside / series
    low, high = share, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if series * _divergence(share, middle) < log_inverse_rate:
            low = middle
        else:
            high = middle
    return min(high, 1 - 1e-9)


def _divergence(share: float, other: float) -> float:
    """The Kullback-Leibler divergence of two Bernoulli distributions; `other` is inside (0, 1) or `share`."""
    if share == other:
        return 0.0
    if other >= 1.0:
        return math.inf
    inside = share * math.log(share / other) if share > 0 else 0.0
    return inside + ((1 - share) * math.log((1 - share) / (1 - other)) if share < 1 else 0.0)


def _tails(cells: int) -> NDArray[np.float64]:
    """The sets of the lowest cells and of the highest cells, for each number of them but all."""
    lowest = np.tri(cells - 1, cells)
    return np.concatenate([lowest, 1 - lowest])


def _classes(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sets of one label and of all others, for the most frequent labels."""
    most = np.sort(np.argsort(-counts, kind="stable")[:MAX_LABELS])
    one = np.eye(len(counts))[most]
    # Two labels are each other's others. Not `np.unique`: it imports `numpy.ma`.
    return np.array(sorted({tuple(row) for row in np.concatenate([one, 1 - one]).tolist()}))


def _side_by_side(sets: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    rows: Sequence[NDArray[np.float64]] = [sets[name] for name in STATISTICS]
    width = sum(each.shape[1] for each in rows)
    found, start = [], 0
    for each in rows:
        padded = np.zeros((len(each), width))
        padded[:, start : start + each.shape[1]] = each
        found.append(padded)
        start += each.shape[1]
    return np.concatenate(found)
