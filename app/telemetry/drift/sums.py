"""The sums of some series as one vector `float64`: those of several workers or replicas can be added."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from app.contract import DriftReference

Vector = NDArray[np.float64]
# Why a series was not counted; see `app.telemetry.drift.independence` and `app.inference.drift_counter`.
LEFT_OUT = ("overlapping", "repeated", "surplus")


class SumsLayout:
    """Where each sum is in the vector.

    Args:
        reference: of the contract.
        warnings: codes of the warnings, in the order of the columns.

    Attributes:
        size: of the vector.
        cells: of the three statistics of the alarm, in the order of `app.telemetry.drift.bets.STATISTICS`.
        parts: name to its part of the vector. `left_out` counts series that are in no other part; `spectra`
            counts the series of the mean spectrum and of the scale, a sample of all.
    """

    def __init__(self, reference: DriftReference, warnings: tuple[str, ...]) -> None:
        self.warnings = warnings
        sizes = {
            "ood_score": len(reference.ood_score_edges) + 1,
            "confidence": len(reference.confidence_edges) + 1,
            "labels": len(reference.views[0].labels),
            "warnings": len(warnings),
            "left_out": len(LEFT_OUT),
            "ood_score_sum": 1,
            "confidence_sum": 1,
            "spectra": 1,
            "log_scale": 1,
            "log_scale_square": 1,
            "spectrum": reference.bands,
        }
        ends = [0, *accumulate(sizes.values())]
        self.size = ends[-1]
        self.parts: Mapping[str, slice] = {
            name: slice(start, start + size) for (name, size), start in zip(sizes.items(), ends, strict=False)
        }
        self.cells = slice(0, self.parts["warnings"].start)

    def empty(self) -> Vector:
        """The sums of no series."""
        return np.zeros(self.size)

    def part(self, sums: Vector, name: str) -> Vector:
        """A part of the sums; shares memory."""
        return sums[self.parts[name]]

    def number(self, sums: Vector, name: str) -> float:
        """A part that is one number."""
        return float(sums[self.parts[name].start])

    def series(self, sums: Vector) -> int:
        """Number of series that were counted."""
        return int(self.part(sums, "labels").sum())
