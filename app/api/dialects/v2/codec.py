"""Inference requests and responses of one version, in JSON and in the binary form."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.api.dialects.base import Codec, Decoded, Encoded, PredictOptions, encoded
from app.api.dialects.v2.elements import read_numbers
from app.api.dialects.v2.model.inputs import ModelInput
from app.api.dialects.v2.model.outputs import ModelOutputs
from app.api.dialects.v2.plain_request import read_plain_request
from app.api.dialects.v2.request import (
    InferRequest,
    RequestedTensor,
    read_parts,
    read_request,
)
from app.api.dialects.v2.response import Plan, ResponseWriter
from app.api.headers import Header
from app.api.payloads import JSON
from app.contract import Contract
from app.errors import ContractViolation, MalformedPayload
from app.inference.predictions import BatchSlice, Prediction, Series
from app.series.offset import Narrowed

BINARY = "application/octet-stream"
HEADER_LENGTH = b"inference-header-content-length"
# A smaller response fits into TCP's first flight: compressing it saves nothing.
COMPRESSED_FROM = 16 * 1024
_FASTEST = 1
# Of the JSON around series, or before binary data: more is read anew each time.
_MOST_REMEMBERED = 1024
NO_HEADERS: tuple[Header, ...] = ()


class BodyForm(NamedTuple):
    """What the headers of a request say of bodies.

    Attributes:
        json_size: bytes of JSON before binary data: Inference-Header-Content-Length. None if all is JSON, 0
            if all is the data of the only input.
        accept_encoding: value of the header; None without it.
    """

    json_size: int | None = None
    accept_encoding: str | None = None


class Planned(NamedTuple):
    """The plan of a response, and the timeout of its request in seconds."""

    plan: Plan
    timeout: float | None


@dataclass(slots=True)
class DecodedInfer:
    """A request.

    Attributes:
        series: `float32[n, *SeriesSpec.shape]`.
        coarse: `bool[n]`, series that lost precision to their offset; None for none.
        id: of the request; None without one.
        timeout: seconds; None without one.
        plan: of the response.
    """

    series: Series
    coarse: NDArray[np.bool_] | None
    id: str | None
    timeout: float | None
    plan: Plan


class V2Codec(Codec):
    """The codec of one version.

    Args:
        contract: of the version.
        max_series: most series in a request.
    """

    def __init__(self, contract: Contract, *, max_series: int) -> None:
        self._input = ModelInput(contract, max_series=max_series)
        outputs = ModelOutputs(contract)
        self._write = ResponseWriter(contract, outputs)
        self._planner = _Planner(outputs, self._write)
        # A client sends the same JSON around its series every time.
        self._planned_parts = lru_cache(maxsize=64)(self._planner.of_parts)
        self._planned_head = lru_cache(maxsize=64)(partial(_read_head, self._planner, self._input))
        self._one_series = (1, *self._input.spec.shape[1:])

    def decode(self, body: bytes, options: PredictOptions) -> DecodedInfer:
        """The series and the outputs of a request.

        Raises:
            MalformedPayload: the body is no JSON, or its parts have other sizes than it says.
            ContractViolation: it is not what the model takes.
        """
        json_size = options.other.json_size
        if json_size is not None:
            return self._decode_binary(body, json_size)
        plain = read_plain_request(body, self._input)
        if plain is None:
            return self._decode_json(body)
        numbers, request_id, outputs, parameters = plain
        is_short = len(outputs) + len(parameters) <= _MOST_REMEMBERED
        planned = (self._planned_parts if is_short else self._planner.of_parts)(outputs, parameters)
        return _decoded(self._input.narrowed(numbers), request_id, planned)

    def timeout(self, decoded: Decoded) -> float | None:
        """The parameter `timeout`, which is in microseconds."""
        assert isinstance(decoded, DecodedInfer)  # noqa: S101 - of `decode`
        return decoded.timeout

    def encode(self, prediction: Prediction, options: PredictOptions, decoded: Decoded) -> Encoded:
        """The response."""
        assert isinstance(decoded, DecodedInfer)  # noqa: S101 - as above
        content, json_size = self._write(prediction.batch_slice, decoded.plan, decoded.id)
        media_type, headers = JSON, NO_HEADERS
        if json_size is not None:
            media_type, headers = BINARY, ((HEADER_LENGTH, b"%d" % json_size),)
        if len(content) >= COMPRESSED_FROM and (coding := coding_of(options.other.accept_encoding)):
            content = (
                gzip.compress(content, _FASTEST) if coding == "gzip" else zlib.compress(content, _FASTEST)
            )
            headers = (*headers, (b"content-encoding", coding.encode()))
        return encoded(content, media_type, headers=headers)

    def document(self, part: BatchSlice) -> bytes:
        """The response in JSON with all outputs, for documentation."""
        return self._write(part, self._planner(()), None)[0]

    def _decode_json(self, body: bytes) -> DecodedInfer:
        """A request that is not plain, or not valid."""
        request = read_request(body)
        _check(request, self._input)
        tensor = request.inputs[0]
        if tensor.binary_size is not None:
            message = "binary data needs the header Inference-Header-Content-Length, the size of the JSON"
            raise ContractViolation([("inputs[0].parameters.binary_data_size", message)])
        narrowed = self._input.from_numbers(read_numbers(request, body), tensor.datatype, tensor.shape)
        return _decoded(narrowed, request.id, self._planner.of_request(request))

    def _decode_binary(self, body: bytes, json_size: int) -> DecodedInfer:
        if json_size == 0:
            narrowed = self._input.from_bytes(body, self._input.spec.datatype, self._one_series, at="body")
            return _decoded(narrowed, None, Planned(self._planner((), is_binary=True), None))
        if json_size > len(body):
            raise MalformedPayload(
                f"Inference-Header-Content-Length is {json_size}; the body has {len(body)} bytes"
            )
        head, data = body[:json_size], memoryview(body)[json_size:]
        read = self._planned_head if json_size <= _MOST_REMEMBERED else self._planned_head.__wrapped__
        request, planned = read(head)
        tensor = request.inputs[0]
        size = tensor.binary_size or 0
        if size != len(data):
            raise MalformedPayload(f"{len(data)} bytes follow the JSON; inputs[0] says that it has {size}")
        if tensor.binary_size is None:
            narrowed = self._input.from_numbers(read_numbers(request, head), tensor.datatype, tensor.shape)
        else:
            narrowed = self._input.from_bytes(data, tensor.datatype, tensor.shape)
        return _decoded(narrowed, request.id, planned)


class _Planner:
    """Plans the responses of one version."""

    def __init__(self, outputs: ModelOutputs, write: ResponseWriter) -> None:
        self._outputs = outputs
        self._write = write

    def __call__(self, requested: Sequence[RequestedTensor], *, is_binary: bool = False) -> Plan:
        """The plan of a response.

        Args:
            requested: outputs; none for all.
            is_binary: whether outputs that do not say it are binary.
        """
        chosen = self._outputs.choose([each.requested for each in requested])
        flags = {each.requested.name: each.is_binary for each in requested}
        return self._write.plan(
            [(each, is_binary if (flag := flags.get(each.name)) is None else flag) for each in chosen]
        )

    def of_request(self, request: InferRequest) -> Planned:
        """The plan for a request, and its timeout."""
        return Planned(self(request.outputs, is_binary=request.is_binary), request.timeout)

    def of_parts(self, outputs: bytes, parameters: bytes) -> Planned:
        """The plan for the JSON of outputs and of parameters, and the timeout."""
        return self.of_request(read_parts(outputs, parameters))


def _read_head(planner: _Planner, model_input: ModelInput, head: bytes) -> tuple[InferRequest, Planned]:
    """The request of the JSON before binary data, checked."""
    request = read_request(head)
    _check(request, model_input)
    return request, planner.of_request(request)


def _check(request: InferRequest, model_input: ModelInput) -> None:
    model_input.check_names([tensor.name for tensor in request.inputs])
    model_input.check_head(request.inputs[0].datatype, request.inputs[0].shape)


def _decoded(narrowed: Narrowed, request_id: str | None, planned: Planned) -> DecodedInfer:
    return DecodedInfer(narrowed.series, narrowed.coarse, request_id, planned.timeout, planned.plan)


@lru_cache(maxsize=64)  # a client sends the same value every time
def coding_of(accept_encoding: str | None) -> str | None:
    """Gzip or deflate, whichever an Accept-Encoding names first; None if it names neither, or refuses it."""
    for item in (accept_encoding or "").lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        is_refused = any(part.replace(" ", "").rstrip("0.") == "q=" for part in parameters)
        if name in {"gzip", "deflate"} and not is_refused:
            return name
    return None
