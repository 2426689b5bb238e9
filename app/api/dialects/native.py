"""The server's own protocol: `POST /predict`, in JSON or npy, with problem documents for errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import QueryParams

from app import errors
from app.api import neighbour_options, parameters, problems
from app.api.dialects.base import Codec, Decoded, Dialect, Encoded, Limits, PredictOptions, encoded
from app.api.headers import ACCEPT, RequestHead
from app.api.payloads import Decoders, Encoders, encode_explanations, media_type_of
from app.api.payloads.evidence.neighbours import NeighbourEncoder
from app.contract import Contract
from app.inference.explanation import Explanations
from app.inference.neighbours import Neighbours
from app.inference.predictions import Prediction
from app.series.spec import SeriesSpec

PREDICT, EXPLAIN = "/predict", "/explain"
_ERRORS = (
    errors.MalformedPayload,
    errors.SlowPayload,
    errors.PayloadTooLarge,
    errors.UnsupportedMediaType,
    errors.ContractViolation,
    errors.QueueFull,
    errors.ClientClosed,
    errors.EngineError,
    errors.NotReady,
    errors.DeadlineExceeded,
    errors.NotSealed,
)
_DESCRIPTION = """\
Class probabilities of one or more series, and how far to trust them.

Series that arrive together are computed in one batch; the result of each is the same as alone.
`Server-Timing` has the time of each step and the number of series in the batch.
"""


_ROUTES: Mapping[str, Mapping[str, Any]] = {
    PREDICT: {
        "summary": "Classify series",
        "description": _DESCRIPTION,
        "tags": ["predictions"],
        "responses": problems.responses(*_ERRORS),
        "openapi_extra": {
            "parameters": [
                parameters.ABSTAIN,
                neighbour_options.NEIGHBOURS,
                neighbour_options.NEIGHBOURS_SERIES,
                parameters.VERSION,
                parameters.TIMEOUT,
            ],
        },
    }
}


_EXPLAIN_ERRORS = tuple(error for error in _ERRORS if error is not errors.ClientClosed)
_EXPLAIN_DESCRIPTION = """\
How the probability of a label changes when parts of a series are perturbed: windows of time, frequency bands,
and time-frequency cells.

For each series, the label is the most probable one, or that of `label`. Each region is perturbed in a copy of
the series; the perturbations were chosen for this model so that copies stay similar to the training data. An
explanation says what the model reacts to. It does not say what caused the series to look as it does, nor that
the prediction is right.

Explanations have a lower priority than predictions, a queue of their own, and a longer timeout.
"""
_EXPLAIN_ROUTES: Mapping[str, Mapping[str, Any]] = {
    EXPLAIN: {
        "summary": "Explain predictions",
        "description": _EXPLAIN_DESCRIPTION,
        "tags": ["predictions"],
        "responses": problems.responses(*_EXPLAIN_ERRORS),
    }
}


class NativeCodec(Codec):
    """JSON and npy for one version.

    Attributes:
        decoders: of bodies.
        encoders: of responses.
    """

    def __init__(self, contract: Contract, decoders: Decoders) -> None:
        self.decoders = decoders
        self.encoders = Encoders(contract)
        self._neighbours = NeighbourEncoder([label.name for label in contract.labels])

    def decode(self, body: bytes, options: PredictOptions) -> Decoded:
        """The series of a body; raises as `Decoder` does."""
        return self.decoders.for_content_type(options.content_type)(body)

    def encode(self, prediction: Prediction, options: PredictOptions, _decoded: Decoded) -> Encoded:
        """The response in the media type that the client prefers."""
        encoder = self.encoders.for_accept(options.accept)
        return encoded(encoder(prediction), encoder.media_type)

    def neighbour_texts(self, found: Neighbours) -> list[str]:
        """The JSON list of each series' neighbours."""
        return self._neighbours(found)

    def encode_with_neighbours(self, prediction: Prediction, neighbours: list[str]) -> Encoded:
        """The response in JSON, the only media type that has neighbours."""
        encoder = self.encoders.json
        return encoded(encoder.with_neighbours(prediction, neighbours), encoder.media_type)


class Native(Dialect):
    """The server's own protocol.

    Args:
        has_predictions: whether it has the route of predictions.
    """

    name = "native"
    prefix = ""

    def __init__(self, *, has_predictions: bool = True) -> None:
        self._has_predictions = has_predictions
        # Kept: pydantic validators have reference cycles, which only a full garbage collection frees.
        self._decoders: dict[SeriesSpec, Decoders] = {}

    @property
    def routes(self) -> Mapping[str, Mapping[str, Any]]:
        """`POST /predict`."""
        return _ROUTES if self._has_predictions else {}

    @property
    def explain_routes(self) -> Mapping[str, Mapping[str, Any]]:
        """`POST /explain`."""
        return _EXPLAIN_ROUTES if self._has_predictions else {}

    def options(self, head: RequestHead, limits: Limits) -> PredictOptions:
        """Options of a request.

        Raises:
            PayloadError: an option is invalid.
        """
        content_type = media_type_of(parameters.content_type_of(head))
        query = QueryParams(head.query) if head.query else None
        accept = head.joined(ACCEPT)
        # In this order: if several are invalid, the first one is reported.
        return PredictOptions(
            abstain=query is not None and parameters.abstain_of(query),
            version=None if query is None else parameters.version_of(query),
            timeout=parameters.timeout_of(head, most=limits.timeout),
            content_type=content_type,
            accept=accept,
            neighbours=None if query is None else neighbour_options.neighbours_of(query, accept),
        )

    def codec(self, contract: Contract, *, max_instances: int) -> NativeCodec:
        """The codec for one version."""
        spec = contract.input.spec
        if spec not in self._decoders:
            self._decoders[spec] = Decoders(spec, max_instances=max_instances)
        return NativeCodec(contract, self._decoders[spec])

    def encode_explanations(
        self, explanations: Explanations, contract: Contract, options: PredictOptions
    ) -> Encoded:
        """The response in the media type that the client prefers."""
        return encoded(*encode_explanations(explanations, contract, accept=options.accept))

    def encode_error(self, info: problems.ErrorInfo, *, request_id: str, root_path: str) -> Encoded:
        """A problem document."""
        content = problems.document(info, request_id=request_id, root_path=root_path)
        return encoded(content, problems.MEDIA_TYPE, status=info.kind.status, headers=info.headers)
