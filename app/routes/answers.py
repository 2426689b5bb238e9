"""From predictions to an answer's body, counted as it leaves."""

from __future__ import annotations

from dataclasses import asdict

from app.contract import Contract
from app.metrics import Metrics
from app.payloads import JSON, NPY, PredictionEncoder, accepts_npy, encode_npy
from app.predictions import Predictions
from app.trust import warning_kinds


class AnswerWriter:
    """Writes the answers of one model in the media type that a caller accepts.

    Args:
        contract: of the model.
        metrics: is told of every series that is answered.
    """

    def __init__(self, contract: Contract, metrics: Metrics) -> None:
        kinds = warning_kinds(contract.trust) if contract.trust else ()
        labels = [label.name for label in contract.labels]
        self._counters = metrics.of_predictions(labels=labels, warnings=[kind.code for kind in kinds])
        self.to_json = PredictionEncoder(
            model=contract.name,
            version=contract.version,
            labels=labels,
            warnings=[asdict(kind) for kind in kinds],
        )

    def __call__(self, predictions: Predictions, *, accept: str | None, abstain: bool) -> tuple[bytes, str]:
        """The body and its media type.

        Args:
            predictions: for the series of one request.
            accept: the value of the Accept header.
            abstain: give no label to a series whose label set does not hold exactly one. There are sets.

        Raises:
            EngineError: a number is not finite; nothing is counted.
        """
        probabilities, label_sets = predictions.probabilities, predictions.label_sets
        abstained = label_sets.sum(axis=1) != 1 if abstain and label_sets is not None else None
        if accepts_npy(accept):
            body, media_type = encode_npy(probabilities, abstained=abstained), NPY
        else:
            body = self.to_json(
                probabilities, label_sets, predictions.ood_scores, predictions.warnings, abstained=abstained
            )
            media_type = JSON
        self._counters.answered(probabilities, label_sets, predictions.warnings, abstained=abstained)
        return body, media_type
