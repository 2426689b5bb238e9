"""The alarm of the server, and two that are often used instead: a KS test and PSI, in windows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kstwobign

from app.contract import DriftReference
from app.telemetry.drift.bets import Bets
from app.telemetry.drift.wealth import Wealth, joint, threshold

WINDOW = 200
KS_LEVEL = 0.05
PSI_LIMIT = 0.2


class Detector(Protocol):
    """Sees series in blocks, and says when it raises an alarm.

    Attributes:
        block: series of a block that loses nothing, where the moment of the alarm does not matter.
    """

    block: int

    def add(self, counts: NDArray[np.float64]) -> bool:
        """Count a block of series, `float64[cells]`; whether this raises an alarm."""
        ...


class Martingale:
    """The alarm of the server, which is raised once.

    Args:
        bets: against the reference.
        rate: of false alarms.
    """

    block = 1000

    def __init__(self, bets: Bets, *, rate: float) -> None:
        self._bets = bets
        self._wealth = Wealth.start(bets)
        self._is_raised = False
        self._threshold = threshold(rate)

    def add(self, counts: NDArray[np.float64]) -> bool:
        """See `Detector`."""
        if self._is_raised:
            return False
        self._wealth.add(self._bets, counts)
        self._is_raised = joint(self._wealth.logarithms(self._bets)) >= self._threshold
        return self._is_raised


class _Windowed:
    """A decision about each window of the OOD score: that of the nearest view counts.

    Args:
        reference: of the contract.
    """

    block = WINDOW

    def __init__(self, reference: DriftReference) -> None:
        self._views = [np.array(view.ood_score, np.float64) for view in reference.views]
        self._window = np.zeros(len(self._views[0]))

    def add(self, counts: NDArray[np.float64]) -> bool:
        """See `Detector`."""
        self._window += counts[: len(self._window)]
        if self._window.sum() < WINDOW:
            return False
        window, self._window = self._window, np.zeros_like(self._window)
        return all(self._differs(window, view) for view in self._views)

    def _differs(self, window: NDArray[np.float64], view: NDArray[np.float64]) -> bool:
        raise NotImplementedError


class KolmogorovSmirnov(_Windowed):
    """A two-sample KS test of each window, at a level of 5 %."""

    def _differs(self, window: NDArray[np.float64], view: NDArray[np.float64]) -> bool:
        sizes = window.sum(), view.sum()
        distance = np.abs(np.cumsum(window) / sizes[0] - np.cumsum(view) / sizes[1]).max()
        return bool(kstwobign.sf(distance * np.sqrt(sizes[0] * sizes[1] / sum(sizes))) < KS_LEVEL)


class StabilityIndex(_Windowed):
    """The population stability index of each window, against 0.2."""

    def _differs(self, window: NDArray[np.float64], view: NDArray[np.float64]) -> bool:
        shares, expected = ((each + 0.5) / (each.sum() + 0.5 * len(each)) for each in (window, view))
        return bool(np.sum((shares - expected) * np.log(shares / expected)) > PSI_LIMIT)
