"""The wealth of the bets, and the alarm: a test martingale over all series since the start.

A change may come after millions of series, and a bet that was placed at the start has then lost almost all
its wealth. So the money is placed bit by bit: half of it before the first series, and the rest later and
later, less and less (a mixture over the time of the change). What is not yet placed is kept. The whole wealth
is still a test supermartingale, which starts with 1, and a change at series `t` is noticed about `log(t)`
later than one at the start, in the unit of logarithms of wealth.

Series count in blocks. A block's series may come from any workers in any order: a factor depends on their
number in each cell alone. The money for a block is placed before its first series.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.telemetry.drift.bets import STATISTICS, Bets

# Series until the second half of the money begins to be placed at a notable rate.
_EARLY = 128.0


def unplaced(series: float) -> float:
    """The share of the money that is not placed before this many series were counted."""
    return 1.0 / (2.0 + math.log2(1.0 + series / _EARLY))


@dataclass(slots=True)
class Wealth:
    """The wealth of each bet per unit of its money.

    Attributes:
        placed: `float64[s, steps]`, logarithm of the wealth of what was placed.
        kept: the share of the money that is not yet placed.
        series: number of series so far.
    """

    placed: NDArray[np.float64]
    kept: float = 1.0
    series: float = 0.0

    @classmethod
    def start(cls, bets: Bets) -> Wealth:
        """The wealth before the first series."""
        return cls(np.full(bets.win.shape, -np.inf))

    def add(self, bets: Bets, counts: NDArray[np.float64]) -> None:
        """Count a block of series.

        Args:
            bets: that the wealth is of.
            counts: `float64[cells]`, its series in each cell.
        """
        kept = unplaced(self.series)
        if kept < self.kept:
            self.placed = np.logaddexp(self.placed, math.log(self.kept - kept))
            self.kept = kept
        self.placed = self.placed + bets.log_factors(counts)
        self.series += float(bets.cells[0] @ counts)

    def logarithms(self, bets: Bets) -> NDArray[np.float64]:
        """The logarithm of the mean wealth of each statistic's bets, `float64[STATISTICS]`."""
        total = np.logaddexp(self.placed, math.log(self.kept))
        of_sets = np.logaddexp.reduce(total, axis=1) - math.log(total.shape[1])
        sizes = np.bincount(bets.statistic, minlength=len(STATISTICS))
        starts = np.cumsum(sizes) - sizes
        return np.asarray(np.logaddexp.reduceat(of_sets, starts) - np.log(sizes))


def joint(logarithms: NDArray[np.float64]) -> float:
    """The logarithm of the mean of several wealths: of e-values under any dependence, an e-value."""
    return float(np.logaddexp.reduce(logarithms) - math.log(len(logarithms)))


def threshold(false_alarm_rate: float) -> float:
    """The logarithm of the wealth that raises the alarm.

    Half of the rate is for bounds that are too low, because the reference is a sample (`make_bets`), and half
    for luck in the bets.
    """
    return -math.log(false_alarm_rate / 2)
