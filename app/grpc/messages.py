"""Messages of predictions to series, and predictions to messages, for one version of the model.

Answers are assembled from bytes: all but the numbers is the same for every request with as many series, and
is serialized once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.api.dialects import Codec, Encoded, PredictOptions
from app.api.dialects.v2.model.inputs import ModelInput
from app.api.dialects.v2.model.outputs import ModelOutputs, Requested
from app.contract import Contract
from app.errors import ContractViolation
from app.grpc.generated.inference_pb2 import (
    InferParameter,
    InferTensorContents,
    ModelInferRequest,
    ModelInferResponse,
)
from app.inference.predictions import Prediction, Series
from app.series.offset import Narrowed

TIMEOUT, CLASSIFICATION = "timeout", "classification"
WANTS_FINAL, IS_FINAL = "triton_enable_empty_final_response", "triton_final_response"
_SHARED_MEMORY = "shared_memory_region"

# The field of the elements of a datatype, and the dtype that holds them.
_FIELDS: Mapping[str, tuple[str, type[np.number]]] = {
    "INT8": ("int_contents", np.int32),
    "INT16": ("int_contents", np.int32),
    "INT32": ("int_contents", np.int32),
    "INT64": ("int64_contents", np.int64),
    "UINT8": ("uint_contents", np.uint32),
    "UINT16": ("uint_contents", np.uint32),
    "UINT32": ("uint_contents", np.uint32),
    "UINT64": ("uint64_contents", np.uint64),
    "FP32": ("fp32_contents", np.float32),
    "FP64": ("fp64_contents", np.float64),
}
# Numbers of fields in ModelInferResponse, and of it in ModelStreamInferResponse.
_ID, _RAW_OUTPUT_CONTENTS = 3, 6
INFER_RESPONSE = 2
_BYTES_TYPE = 2  # of fields with a length: strings, bytes, messages
_FINAL = ModelInferResponse(parameters={IS_FINAL: InferParameter(bool_param=True)}).SerializeToString()
# Different outputs and numbers of series whose serialized beginnings are kept.
_HEADS = 256


@dataclass(slots=True)
class Decoded:
    """A request that was read.

    Attributes:
        series: `float32[n, length]`, C-contiguous, finite.
        coarse: `bool[n]`, which series get the warning `precision_lost`; None where none does.
        id: of the request; empty if it has none.
        outputs: to answer.
        timeout: seconds; None without one.
        wants_final: whether the answer must say that it is the last one.
    """

    series: Series
    coarse: NDArray[np.bool_] | None
    id: str
    outputs: tuple[Requested, ...]
    timeout: float | None
    wants_final: bool


class InferCodec(Codec):
    """Reads ModelInferRequest and writes ModelInferResponse, always with raw contents.

    Args:
        contract: of the version.
        max_series: most series in a request.
    """

    def __init__(self, contract: Contract, *, max_series: int) -> None:
        self._model, self._version = contract.name, str(contract.version)
        self._input = ModelInput(contract, max_series=max_series)
        self._outputs = ModelOutputs(contract)
        self._head_of = lru_cache(maxsize=_HEADS)(self._head)

    def decode(self, body: ModelInferRequest, options: PredictOptions) -> Decoded:  # noqa: ARG002
        """The series of a request.

        Raises:
            ContractViolation: it does not fit the model.
        """
        narrowed = self._series(body)
        requested = [_requested(output, f"outputs[{at}]") for at, output in enumerate(body.outputs)]
        return Decoded(
            narrowed.series,
            narrowed.coarse,
            body.id,
            self._outputs.choose(requested),
            _timeout(body.parameters),
            bool(_value(body.parameters, WANTS_FINAL)),
        )

    def timeout(self, decoded: Decoded) -> float | None:  # type: ignore[override]
        """The timeout that the request's parameters set."""
        return decoded.timeout

    def encode(
        self,
        prediction: Prediction,
        options: PredictOptions,  # noqa: ARG002
        decoded: Decoded,  # type: ignore[override]
    ) -> Encoded:
        """The serialized answer."""
        outputs, part = decoded.outputs, prediction.batch_slice
        parts = [self._head_of(outputs, len(decoded.series))]
        if decoded.id:
            parts += field(_ID, decoded.id.encode())
        if decoded.wants_final:
            parts.append(_FINAL)
        for output in outputs:
            parts += field(_RAW_OUTPUT_CONTENTS, self._outputs.raw(output, part))
        return Encoded(200, (), b"".join(parts))

    def _head(self, outputs: tuple[Requested, ...], count: int) -> bytes:
        """The beginning of an answer: the model, and names, datatypes and shapes of its outputs."""
        specs = [self._outputs.head(output, count) for output in outputs]
        return ModelInferResponse(
            model_name=self._model,
            model_version=self._version,
            outputs=[
                ModelInferResponse.InferOutputTensor(name=name, datatype=datatype, shape=shape)
                for name, datatype, shape in specs
            ],
        ).SerializeToString()

    def _series(self, request: ModelInferRequest) -> Narrowed:
        inputs, raw = request.inputs, request.raw_input_contents
        self._input.check_names([each.name for each in inputs])
        tensor = inputs[0]
        datatype, shape = tensor.datatype, tuple(tensor.shape)
        if tensor.parameters:
            _refuse_shared_memory(tensor.parameters, "inputs[0]")
        self._input.check_head(datatype, shape)
        if not raw:
            return self._input.from_numbers(_numbers(tensor.contents, datatype), datatype, shape)
        if tensor.HasField("contents") and tensor.contents.ByteSize():
            message = "the request has raw_input_contents, too; send one of the two"
            raise ContractViolation([("inputs[0].contents", message)])
        if len(raw) != 1:
            message = f"{len(raw)} contents for 1 input; send one for each input"
            raise ContractViolation([("raw_input_contents", message)])
        return self._input.from_bytes(raw[0], datatype, shape, at="raw_input_contents[0]")


def field(number: int, data: bytes) -> tuple[bytes, bytes]:
    """A field of a message in its serialized form: key and length, then the data.

    Args:
        number: of the field, less than 16.
        data: a string's, bytes, or a serialized message.
    """
    key, left = bytearray(((number << 3) | _BYTES_TYPE,)), len(data)
    while left > 0x7F:
        key.append(left & 0x7F | 0x80)
        left >>= 7
    key.append(left)
    return bytes(key), data


def _numbers(contents: InferTensorContents, datatype: str) -> NDArray[np.number]:
    """The elements of a tensor that were sent as numbers."""
    if datatype not in _FIELDS:
        message = f"{datatype} has no field here; send it in raw_input_contents"
        raise ContractViolation([("inputs[0].contents", message)])
    wanted, dtype = _FIELDS[datatype]
    for given, _ in contents.ListFields():
        if given.name != wanted:
            message = f"{given.name} does not fit datatype {datatype}; send {wanted}"
            raise ContractViolation([("inputs[0].contents", message)])
    return np.array(getattr(contents, wanted), dtype)


def _requested(output: ModelInferRequest.InferRequestedOutputTensor, at: str) -> Requested:
    if not output.parameters:
        return Requested(output.name)
    _refuse_shared_memory(output.parameters, at)
    classes = _value(output.parameters, CLASSIFICATION)
    if classes is None:
        return Requested(output.name)
    if not isinstance(classes, int) or isinstance(classes, bool):
        message = "expected a whole number of classes, in int64_param"
        raise ContractViolation([(f"{at}.parameters.{CLASSIFICATION}", message)])
    return Requested(output.name, classes)


def _timeout(parameters: Mapping[str, InferParameter]) -> float | None:
    """The timeout of a request in seconds; the protocol counts microseconds, and 0 means none."""
    value = _value(parameters, TIMEOUT)
    if value is None or value == 0:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        message = "expected microseconds above 0, in int64_param"
        raise ContractViolation([(f"parameters.{TIMEOUT}", message)])
    return value / 1e6


def _refuse_shared_memory(parameters: Mapping[str, InferParameter], at: str) -> None:
    if _SHARED_MEMORY in parameters:
        message = "the server has no shared memory; send the contents in the request"
        raise ContractViolation([(f"{at}.parameters.{_SHARED_MEMORY}", message)])


def _value(parameters: Mapping[str, InferParameter], name: str) -> bool | int | float | str | None:
    """The value of a parameter; None if it is missing or empty. It is not added, as `[name]` would do."""
    if name not in parameters:
        return None
    parameter: Any = parameters[name]
    chosen = parameter.WhichOneof("parameter_choice")
    value: bool | int | float | str | None = None if chosen is None else getattr(parameter, chosen)
    return value
