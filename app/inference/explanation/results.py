"""Explanations of several series, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Regions:
    """The regions along one axis, in order; neighbouring regions may overlap.

    Attributes:
        starts: `float64[k]`, in time steps or in cycles per sample.
        ends: `float64[k]`, in the same unit. A region of time does not include its end.
    """

    starts: NDArray[np.float64]
    ends: NDArray[np.float64]

    def __len__(self) -> int:
        """The number of regions."""
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class Part:
    """What each region of n series does to the target's probability.

    The last axes of the arrays are the regions: of time, of frequency, or of time and then of frequency.

    Attributes:
        perturbation: name of what was done to each region (`app.series.perturbations`).
        time: regions of time; None if the part has frequencies alone.
        frequency: regions of frequency; None if the part has time alone.
        changes: `float32[n, regions...]`, the target's probability with the region perturbed, minus the one
            without.
        importances: `float32[n, regions...]`, by how much perturbing the region lowers the target's log-odds.
            They rank regions where the probability is so close to 1 that it hardly changes.
    """

    perturbation: str
    time: Regions | None
    frequency: Regions | None
    changes: NDArray[np.float32]
    importances: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Explanations:
    """Explanations of n series.

    Attributes:
        targets: `int64[n]`, index of the explained class of each series.
        probabilities: `float32[n]`, of the target, for the series as they are.
        time: importance over time; None if left out.
        frequency: importance over frequency; None if left out.
        cells: importance of time-frequency cells; None if left out.
        unlike: `float32[n]`, share of a series' variants that are unlike the training data; NaN if the model
            has no OOD score.
        variants: number of variants of each series.
        queued: seconds from admission to the start of the first chunk.
        ran: seconds that the engine's thread ran for these explanations.
    """

    targets: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    time: Part | None
    frequency: Part | None
    cells: Part | None
    unlike: NDArray[np.float32]
    variants: int
    queued: float
    ran: float

    def __len__(self) -> int:
        """The number of series."""
        return len(self.targets)
