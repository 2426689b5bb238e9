"""The sums of the series of some requests: a few NumPy calls for many series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.contract import DriftReference
from app.series.power_shares import power_shares
from app.telemetry.drift.sums import LEFT_OUT, SumsLayout, Vector

# Of each call, these many series are in the mean spectrum and the mean scale.
SPECTRA = 2


class Served(NamedTuple):
    """Series that were predicted, and their predictions.

    Attributes:
        series: `float32[n, *SeriesSpec.shape]`.
        probabilities: `float32[n, classes]`.
        ood_scores: `float32[n]`.
        warnings: `bool[n, kinds]`.
    """

    series: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    ood_scores: NDArray[np.float32]
    warnings: NDArray[np.bool_]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Served:
        """Some of the series, by their indices or a mask."""
        return Served(self.series[rows], self.probabilities[rows], self.ood_scores[rows], self.warnings[rows])

    @classmethod
    def joined(cls, parts: Sequence[Served]) -> Served:
        """The series of several parts, at least one."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.series for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.ood_scores for part in parts]),
            np.concatenate([part.warnings for part in parts]),
        )


class Measuring:
    """Computes sums in the cells of a reference.

    Args:
        reference: of the contract.
        layout: of the sums.
    """

    def __init__(self, reference: DriftReference, layout: SumsLayout) -> None:
        self._layout = layout
        self._bands = reference.bands
        self._confidence_edges = np.array(reference.confidence_edges)
        self._ood_score_edges = np.array(reference.ood_score_edges)

    def sums(self, served: Served, **left_out: int) -> Vector:
        """The sums of n series, and how many others were left out, by the reasons of `LEFT_OUT`."""
        layout, sums = self._layout, self._layout.empty()
        confidence = served.probabilities.max(axis=1)
        self._count(sums, "labels", served.probabilities.argmax(axis=1))
        self._count(sums, "confidence", np.searchsorted(self._confidence_edges, confidence))
        self._count(sums, "ood_score", np.searchsorted(self._ood_score_edges, served.ood_scores))
        warned = layout.part(sums, "warnings")
        # The last column, of the kind `precision_lost`, is there for some series alone.
        warned[: served.warnings.shape[1]] = np.count_nonzero(served.warnings, axis=0)
        layout.part(sums, "left_out")[:] = [left_out.get(name, 0) for name in LEFT_OUT]
        sums[layout.parts["confidence_sum"]] = confidence.sum(dtype=np.float64)
        sums[layout.parts["ood_score_sum"]] = served.ood_scores.sum(dtype=np.float64)
        if self._bands and len(served.series):
            self._add_spectra(sums, served.series[-SPECTRA:])
        return sums

    def _count(self, sums: Vector, name: str, cells: NDArray[np.intp]) -> None:
        part = self._layout.part(sums, name)
        part[:] = np.bincount(cells, minlength=len(part))

    def _add_spectra(self, sums: Vector, series: NDArray[np.float32]) -> None:
        layout = self._layout
        deviation = series.std(axis=1, dtype=np.float64).reshape(len(series), -1).mean(axis=1)
        varies = deviation > 0  # a constant series has no spectrum
        series, scales = series[varies], np.log10(deviation[varies])
        if not len(series):
            return
        sums[layout.parts["spectra"]] = len(series)
        sums[layout.parts["log_scale"]] = scales.sum()
        sums[layout.parts["log_scale_square"]] = np.square(scales).sum()
        layout.part(sums, "spectrum")[:] = power_shares(series, self._bands).sum(axis=0)
