"""The JSON of an inference request: what it says of inputs and outputs, not yet compared with a model."""

from __future__ import annotations

from typing import Any, NamedTuple

import simdjson

from app.api.dialects.v2.json_fields import (
    Fields,
    fields_of,
    kind_of,
    parse_object,
    read_count,
    read_list,
    read_object,
    read_required,
    read_value,
)
from app.api.dialects.v2.model.inputs import MAX_DIMENSIONS
from app.api.dialects.v2.model.outputs import Requested
from app.errors import ContractViolation

FORM = '{"inputs": [{"name": ..., "shape": [...], "datatype": ..., "data": [...]}]}'
# More than any model here has of either; a list of more is refused unread.
_MOST_TENSORS = 64
_SHARED_MEMORY = "shared_memory_region"


class RequestedTensor(NamedTuple):
    """An output that a request names.

    Attributes:
        requested: its name and classification.
        is_binary: whether it is wanted in the binary form; None if the request's own default counts.
    """

    requested: Requested
    is_binary: bool | None = None


class InputTensor(NamedTuple):
    """An input of a request.

    Attributes:
        name: of the tensor.
        datatype: as sent.
        shape: as sent.
        data: its elements in JSON; None if they are binary.
        binary_size: bytes of its binary data; None if they are in JSON.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: simdjson.Array | None
    binary_size: int | None


class InferRequest(NamedTuple):
    """An inference request.

    Attributes:
        id: of the request, for its response.
        timeout: seconds; None without one.
        inputs: of the request.
        outputs: that it names; empty for all.
        is_binary: whether outputs are wanted in the binary form unless they say otherwise.
        lists: lists of the JSON around the data of its first input, without those in parameters.
    """

    id: str | None = None
    timeout: float | None = None
    inputs: tuple[InputTensor, ...] = ()
    outputs: tuple[RequestedTensor, ...] = ()
    is_binary: bool = False
    lists: int = 2


def read_request(body: bytes) -> InferRequest:
    """The request that JSON says.

    Fields and parameters that the protocol does not have are ignored, as are those for other servers:
    priorities and sequences.

    Raises:
        MalformedPayload: it is no JSON.
        ContractViolation: it is JSON, but not such a request.
    """
    document = parse_object(body, FORM)
    timeout, is_binary = _parameters(read_object(document, "parameters", ""))
    inputs = read_list(document, "inputs", "")
    if inputs is None:
        raise ContractViolation([("inputs", f"missing; send {FORM}")])
    outputs = read_list(document, "outputs", "")
    return InferRequest(
        read_value(document, "id", str, ""),
        timeout,
        tuple([_input(each, f"inputs[{index}]") for index, each in enumerate(_few(inputs, "inputs"))]),
        () if outputs is None else _outputs(outputs),
        is_binary,
        lists=2 if outputs is None else 3,  # of inputs, of the shape, of outputs
    )


def read_parts(outputs: bytes, parameters: bytes) -> InferRequest:
    """The request, without inputs, of the JSON of its outputs and of its parameters; empty for none.

    Raises:
        ContractViolation: one of them is not as the protocol has it.
    """
    timeout, is_binary = (
        _parameters(fields_of(_parsed(parameters), "parameters")) if parameters else (None, False)
    )
    requested = _outputs(_parsed(outputs)) if outputs else ()
    return InferRequest(None, timeout, (), requested, is_binary)


def _parsed(text: bytes) -> Any:
    return simdjson.Parser().parse(text)


def _parameters(fields: Fields) -> tuple[float | None, bool]:
    """The timeout in seconds, and whether outputs are wanted in the binary form."""
    microseconds = read_count(fields, "timeout", "parameters")
    timeout = microseconds / 1e6 if microseconds else None  # 0 is none, as in Triton
    return timeout, bool(read_value(fields, "binary_data_output", bool, "parameters"))


def _few(tensors: simdjson.Array, at: str) -> simdjson.Array:
    if len(tensors) > _MOST_TENSORS:
        raise ContractViolation([(at, f"{len(tensors)} tensors; at most {_MOST_TENSORS} are read")])
    return tensors


def _input(found: object, at: str) -> InputTensor:
    fields, binary_size = fields_of(found, at), None
    if parameters := read_object(fields, "parameters", at):
        binary_size = read_count(parameters, "binary_data_size", f"{at}.parameters")
        _refuse_shared_memory(parameters, at)
    data = read_list(fields, "data", at)
    if (data is None) == (binary_size is None):
        both = "both data and parameters.binary_data_size; send one of them"
        neither = "neither data nor parameters.binary_data_size; send one of them"
        raise ContractViolation([(at, neither if data is None else both)])
    return InputTensor(
        read_required(fields, "name", str, at),
        read_required(fields, "datatype", str, at),
        _shape(fields, at),
        data,
        binary_size,
    )


def _shape(fields: Fields, at: str) -> tuple[int, ...]:
    sizes = read_list(fields, "shape", at)
    if sizes is None:
        raise ContractViolation([(f"{at}.shape", "missing; send a list of integers")])
    if not 0 < len(sizes) <= MAX_DIMENSIONS:
        message = f"{len(sizes)} dimensions; send the number of series first, then the shape of a series"
        raise ContractViolation([(f"{at}.shape", message)])
    for size in sizes:
        if type(size) is not int:
            raise ContractViolation([(f"{at}.shape", f"expected integers, got {kind_of(size)}")])
    return tuple(sizes)  # type: ignore[arg-type]


def _outputs(found: simdjson.Array) -> tuple[RequestedTensor, ...]:
    return tuple([_output(each, f"outputs[{index}]") for index, each in enumerate(_few(found, "outputs"))])


def _output(found: object, at: str) -> RequestedTensor:
    fields = fields_of(found, at)
    name = read_required(fields, "name", str, at)
    parameters = read_object(fields, "parameters", at)
    if not parameters:
        return RequestedTensor(Requested(name))
    _refuse_shared_memory(parameters, at)
    classes = read_count(parameters, "classification", f"{at}.parameters") or 0
    is_binary = read_value(parameters, "binary_data", bool, f"{at}.parameters")
    return RequestedTensor(Requested(name, classes), is_binary)


def _refuse_shared_memory(parameters: Fields, at: str) -> None:
    if _SHARED_MEMORY in parameters:
        message = "shared memory is not supported; use the body of the request and of the response"
        raise ContractViolation([(f"{at}.parameters.{_SHARED_MEMORY}", message)])
