"""Inference requests and responses of one version, in JSON and in the binary form."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.api.dialects.base import Codec, Decoded, Encoded, PredictOptions, encoded
from app.api.dialects.v2.inputs import ModelInput
from app.api.dialects.v2.outputs import ModelOutputs, Requested
from app.api.dialects.v2.request import InferRequest, read_head, read_numbers, read_request
from app.api.dialects.v2.response import ResponseWriter
from app.contract import Contract
from app.errors import ContractViolation, MalformedPayload
from app.inference.predictions import BatchSlice, Prediction, Series
from app.series.offset import Narrowed

JSON, BINARY = "application/json", "application/octet-stream"
HEADER_LENGTH = b"inference-header-content-length"
# A smaller response fits into TCP's first flight: compressing it saves nothing.
COMPRESSED_FROM = 16 * 1024
_FASTEST = 1


# Outputs to answer, each with whether it is binary.
Chosen = Sequence[tuple[Requested, bool]]


class BodyForm(NamedTuple):
    """What the headers of a request say of bodies.

    Attributes:
        json_size: bytes of JSON before binary data: Inference-Header-Content-Length. None if all is JSON, 0
            if all is the data of the only input.
        accept_encoding: value of the header; None without it.
    """

    json_size: int | None = None
    accept_encoding: str | None = None


@dataclass(slots=True)
class DecodedInfer:
    """A request.

    Attributes:
        series: `float32[n, *SeriesSpec.shape]`.
        coarse: `bool[n]`, series that lost precision to their offset; None for none.
        id: of the request; None without one.
        timeout: seconds; None without one.
        chosen: outputs to answer, each with whether it is binary.
    """

    series: Series
    coarse: NDArray[np.bool_] | None
    id: str | None
    timeout: float | None
    chosen: Chosen


class V2Codec(Codec):
    """The codec of one version.

    Args:
        contract: of the version.
        max_series: most series in a request.
    """

    def __init__(self, contract: Contract, *, max_series: int) -> None:
        self._input = ModelInput(contract, max_series=max_series)
        self._outputs = ModelOutputs(contract)
        self._write = ResponseWriter(contract, self._outputs)
        every = self._outputs.choose(())
        self._all: tuple[Chosen, Chosen] = [(each, False) for each in every], [(each, True) for each in every]
        self._one_series = (1, *self._input.spec.shape[1:])

    def decode(self, body: bytes, options: PredictOptions) -> DecodedInfer:
        """The series and the outputs of a request.

        Raises:
            MalformedPayload: the body is no JSON, or its parts have other sizes than it says.
            ContractViolation: it is not what the model takes.
        """
        json_size = options.other.json_size
        if json_size is None:
            request = read_request(body)
            narrowed = self._from_json(request, body)
        elif json_size == 0:
            request = InferRequest(is_binary=True)
            narrowed = self._input.from_bytes(body, self._input.spec.datatype, self._one_series, at="body")
        else:
            if json_size > len(body):
                raise MalformedPayload(
                    f"Inference-Header-Content-Length is {json_size}; the body has {len(body)} bytes"
                )
            head = body[:json_size]
            request = read_head(head)
            narrowed = self._from_binary(request, head, memoryview(body)[json_size:])
        return DecodedInfer(
            narrowed.series, narrowed.coarse, request.id, request.timeout, self._chosen(request)
        )

    def timeout(self, decoded: Decoded) -> float | None:
        """The parameter `timeout`, which is in microseconds."""
        assert isinstance(decoded, DecodedInfer)  # noqa: S101 - of `decode`
        return decoded.timeout

    def encode(self, prediction: Prediction, options: PredictOptions, decoded: Decoded) -> Encoded:
        """The response."""
        assert isinstance(decoded, DecodedInfer)  # noqa: S101 - as above
        content, json_size = self._write(prediction.batch_slice, decoded.chosen, decoded.id)
        headers = () if json_size is None else ((HEADER_LENGTH, b"%d" % json_size),)
        media_type = JSON if json_size is None else BINARY
        if len(content) >= COMPRESSED_FROM and (coding := coding_of(options.other.accept_encoding)):
            content = (
                gzip.compress(content, _FASTEST) if coding == "gzip" else zlib.compress(content, _FASTEST)
            )
            headers = (*headers, (b"content-encoding", coding.encode()))
        return encoded(content, media_type, headers=headers)

    def document(self, part: BatchSlice) -> bytes:
        """The response in JSON with all outputs, for documentation."""
        return self._write(part, self._all[False], None)[0]

    def _from_json(self, request: InferRequest, body: bytes) -> Narrowed:
        self._check(request)
        tensor = request.inputs[0]
        if tensor.binary_size is not None:
            message = "binary data needs the header Inference-Header-Content-Length, the size of the JSON"
            raise ContractViolation([("inputs[0].parameters.binary_data_size", message)])
        return self._input.from_numbers(read_numbers(request, body), tensor.datatype, tensor.shape)

    def _from_binary(self, request: InferRequest, head: bytes, data: memoryview) -> Narrowed:
        self._check(request)
        tensor = request.inputs[0]
        size = tensor.binary_size or 0
        if size != len(data):
            raise MalformedPayload(f"{len(data)} bytes follow the JSON; inputs[0] says that it has {size}")
        if tensor.binary_size is None:
            return self._input.from_numbers(read_numbers(request, head), tensor.datatype, tensor.shape)
        return self._input.from_bytes(data, tensor.datatype, tensor.shape)

    def _chosen(self, request: InferRequest) -> Chosen:
        if not request.outputs:
            return self._all[request.is_binary]
        chosen = self._outputs.choose([each.requested for each in request.outputs])
        flags = {each.requested.name: each.is_binary for each in request.outputs}
        default = request.is_binary
        return [(each, default if (flag := flags[each.name]) is None else flag) for each in chosen]

    def _check(self, request: InferRequest) -> None:
        self._input.check_names([tensor.name for tensor in request.inputs])
        self._input.check_head(request.inputs[0].datatype, request.inputs[0].shape)


@lru_cache(maxsize=64)  # a client sends the same value every time
def coding_of(accept_encoding: str | None) -> str | None:
    """Gzip or deflate, whichever an Accept-Encoding names first; None if it names neither, or refuses it."""
    for item in (accept_encoding or "").lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        is_refused = any(part.replace(" ", "").rstrip("0.") == "q=" for part in parameters)
        if name in {"gzip", "deflate"} and not is_refused:
            return name
    return None
