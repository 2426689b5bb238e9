"""From a request's part of a batch to what its caller gets, counted: the same for every caller that waits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.contract import Contract
from app.errors import EngineError
from app.inference.batching import Answer
from app.inference.predictions import Batch, BatchSlice, Prediction, check_finite, with_precision_lost
from app.inference.trust import warning_kinds
from app.telemetry.prediction_metrics import PredictionMetrics, Tally


class Answering:
    """Makes and counts the predictions of one version.

    Args:
        contract: of the version.
        metrics: count what is answered; None counts nothing.
    """

    def __init__(self, contract: Contract, metrics: PredictionMetrics | None) -> None:
        self._counters = None
        if metrics is not None:
            self._counters = metrics.for_version(
                contract.version,
                labels=[label.name for label in contract.labels],
                warnings=[kind.code for kind in warning_kinds(contract.trust, contract.input.channels)],
                has_label_sets=contract.trust is not None,
            )

    def __call__(
        self, answer: Answer[BatchSlice], *, coarse: NDArray[np.bool_] | None = None, abstain: bool = False
    ) -> Prediction:
        """What the caller of a request gets.

        Args:
            answer: of the batcher.
            coarse: `bool[n]`, which series get the warning `precision_lost`; None where none does.
            abstain: give no label to a series whose label set does not hold exactly one. There are sets.

        Raises:
            EngineError: a number is not finite; nothing is counted.
        """
        part = answer.result
        if not part.batch.once(_is_finite):
            check_finite(part.predictions)  # it may be another request of the batch that is not
        own = None if coarse is None else with_precision_lost(part.predictions, coarse)
        abstained = None
        if abstain and (label_sets := part.predictions.label_sets) is not None:
            abstained = label_sets.sum(axis=1) != 1
        prediction = Prediction(part, own, abstained, answer.queued, answer.ran, answer.batch_rows)
        self._count(prediction)
        return prediction

    def _count(self, prediction: Prediction) -> None:
        if self._counters is None:
            return
        if prediction.own is None:
            part = prediction.batch_slice
            tallies = part.batch.once(self._tallies_of_batch)[part.rows]
        else:
            own = prediction.own
            tallies = self._counters.tallies(own.probabilities, own.label_sets, own.warnings)
        self._counters.answered(tallies, abstained=prediction.abstained)

    def _tallies_of_batch(self, batch: Batch) -> list[Tally]:
        assert self._counters is not None  # noqa: S101 - asked for by those who count
        said = batch.predictions
        return self._counters.tallies(said.probabilities, said.label_sets, said.warnings)


def _is_finite(batch: Batch) -> bool:
    try:
        check_finite(batch.predictions)
    except EngineError:
        return False
    return True
