"""From predictions to an answer's body, counted as it leaves.

Texts and counts are made for a whole batch when its first answer is written: `predictions.Batch`.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from app.api.payloads import JSON, NPY, PredictionEncoder, accepts_npy, encode_npy
from app.contract import Contract
from app.errors import EngineError
from app.inference.predictions import Batch, Predictions, Share
from app.inference.trust import warning_kinds
from app.telemetry.metrics import Metrics
from app.telemetry.prediction_metrics import Tally

# From so many series on, a request is counted by arithmetic on arrays: fewer are quicker one by one.
MANY = 32


class AnswerWriter:
    """Writes the answers of one model in the media type that a caller accepts.

    Args:
        contract: of the model.
        metrics: is told of every series that is answered.
    """

    def __init__(self, contract: Contract, metrics: Metrics) -> None:
        kinds = warning_kinds(contract.trust)
        labels = [label.name for label in contract.labels]
        self._counters = metrics.predictions.of(
            contract.version,
            labels=labels,
            warnings=[kind.code for kind in kinds],
            has_label_sets=contract.trust is not None,
        )
        self.to_json = PredictionEncoder(
            model=contract.name,
            version=contract.version,
            labels=labels,
            warnings=[asdict(kind) for kind in kinds],
        )

    def __call__(
        self,
        share: Share,
        *,
        accept: str | None,
        abstain: bool,
        coarse: NDArray[np.bool_] | None = None,
    ) -> tuple[bytes, str]:
        """The body and its media type.

        Args:
            share: what is said of the series of one request.
            accept: the value of the Accept header.
            abstain: give no label to a series whose label set does not hold exactly one. There are sets.
            coarse: `bool[n]`, which series get the warning `precision_lost`; None where none does.

        Raises:
            EngineError: a number is not finite; nothing is counted.
        """
        # None where the batch says all there is to say of the request.
        own = None if coarse is None else _with_warning(share.predictions, coarse)
        abstained = _abstained(share.predictions) if abstain else None
        if accepts_npy(accept):
            body = encode_npy(share.predictions.probabilities, abstained=abstained)
            media_type = NPY
        else:
            body, media_type = self.to_json.document(self._texts(share, own, abstained)), JSON
        self._count(share, own, abstained)
        return body, media_type

    def _count(self, share: Share, own: Predictions | None, abstained: NDArray[np.bool_] | None) -> None:
        rows = share.rows
        if own is None and rows.stop - rows.start < MANY:
            self._counters.answered(share.batch.once(self._tallies)[rows], abstained=abstained)
            return
        said = share.predictions if own is None else own
        self._counters.answered_many(said.probabilities, said.label_sets, said.warnings, abstained=abstained)

    def _texts(self, share: Share, own: Predictions | None, abstained: NDArray[np.bool_] | None) -> list[str]:
        if own is None and abstained is None:
            try:
                return share.batch.once(self._texts_of_batch)[share.rows]
            except EngineError:
                pass  # of one of the requests in the batch; whether it is this one shows below
        return _texts_of(self.to_json, share.predictions if own is None else own, abstained)

    def _texts_of_batch(self, batch: Batch) -> list[str]:
        return _texts_of(self.to_json, batch.predictions)

    def _tallies(self, batch: Batch) -> list[Tally]:
        said = batch.predictions
        return self._counters.tallies(said.probabilities, said.label_sets, said.warnings)


def _texts_of(
    to_json: PredictionEncoder, said: Predictions, abstained: NDArray[np.bool_] | None = None
) -> list[str]:
    return to_json.rows(
        said.probabilities, said.label_sets, said.ood_scores, said.warnings, abstained=abstained
    )


def _with_warning(said: Predictions, coarse: NDArray[np.bool_]) -> Predictions:
    """The same with the column of `app.inference.trust.PRECISION_LOST`, which comes last."""
    before = np.empty((len(said), 0), np.bool_) if said.warnings is None else said.warnings
    return replace(said, warnings=np.column_stack([before, coarse]))


def _abstained(said: Predictions) -> NDArray[np.bool_] | None:
    return None if said.label_sets is None else said.label_sets.sum(axis=1) != 1
