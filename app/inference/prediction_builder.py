"""Builds and counts the prediction of a request from its slice of a batch, for all protocols alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.contract import Contract
from app.errors import EngineError
from app.inference.batching import BatchResult
from app.inference.drift_counter import DriftCounter
from app.inference.predictions import Batch, BatchSlice, Prediction, check_finite, with_precision_lost
from app.inference.trust import warning_kinds
from app.telemetry.prediction_metrics import PredictionMetrics, Tally


class PredictionBuilder:
    """Builds and counts the predictions of one version.

    Args:
        contract: of the version.
        metrics: counts predictions; None counts nothing.
        drift: counts series for the drift monitor; None counts nothing.
    """

    def __init__(
        self, contract: Contract, metrics: PredictionMetrics | None, drift: DriftCounter | None = None
    ) -> None:
        self._drift = drift
        self._counters = None
        if metrics is not None:
            self._counters = metrics.for_version(
                contract.version,
                labels=[label.name for label in contract.labels],
                warnings=[kind.code for kind in warning_kinds(contract.trust, contract.input.channels)],
                has_label_sets=contract.trust is not None,
            )

    def __call__(
        self,
        result: BatchResult[BatchSlice],
        *,
        coarse: NDArray[np.bool_] | None = None,
        abstain: bool = False,
        counted: slice | None = None,
    ) -> Prediction:
        """Return the prediction of a request.

        Args:
            result: of the batcher.
            coarse: `bool[n]`, which series get the warning `precision_lost`; None for no series.
            abstain: give no label to a series unless its label set has exactly one. The contract must have
                label sets.
            counted: of consecutive windows, those that do not overlap; the others do not count for drift.
                None if the series are no windows, or if that is not known.

        Raises:
            EngineError: a number is not finite; nothing is counted.
        """
        batch_slice = result.result
        if not batch_slice.batch.once(_is_finite):
            check_finite(batch_slice.predictions)  # the number may belong to another request of the batch
        own = None if coarse is None else with_precision_lost(batch_slice.predictions, coarse)
        abstained = None
        if abstain and (label_sets := batch_slice.predictions.label_sets) is not None:
            abstained = label_sets.sum(axis=1) != 1
        prediction = Prediction(batch_slice, own, abstained, result.queued, result.ran, result.batch_rows)
        self._count(prediction)
        if self._drift is not None:
            self._drift.add(batch_slice, counted)
        return prediction

    def _count(self, prediction: Prediction) -> None:
        if self._counters is None:
            return
        if prediction.own is None:
            batch_slice = prediction.batch_slice
            tallies = batch_slice.batch.once(self._tallies_of_batch)[batch_slice.rows]
        else:
            own = prediction.own
            tallies = self._counters.tallies(own.probabilities, own.label_sets, own.warnings)
        self._counters.answered(tallies, abstained=prediction.abstained)

    def _tallies_of_batch(self, batch: Batch) -> list[Tally]:
        assert self._counters is not None  # noqa: S101 - only called to count
        predictions = batch.predictions
        return self._counters.tallies(predictions.probabilities, predictions.label_sets, predictions.warnings)


def _is_finite(batch: Batch) -> bool:
    try:
        check_finite(batch.predictions)
    except EngineError:
        return False
    return True
