"""Fast path for plain requests in JSON: one FP32 tensor with flat data or a list for each series.

As `app.api.payloads.plain_json` does, it reports no errors: any other body is left to `request`, which parses
it again and reports what is wrong. So it must never accept a body that `request` refuses.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import simdjson
from numpy.typing import NDArray

from app.api.dialects.v2.model.inputs import MAX_DIMENSIONS, ModelInput
from app.api.payloads.plain_json import has_more_lists

_NO_TEXT = b""


class PlainRequest(NamedTuple):
    """A plain request.

    Attributes:
        numbers: its elements, flat: as many as its shape has.
        id: of the request; None without one.
        outputs: JSON of the outputs that it names; empty without them.
        parameters: JSON of its parameters; empty without them.
    """

    numbers: NDArray[np.float64]
    id: str | None
    outputs: bytes
    parameters: bytes


def read_plain_request(body: bytes, model_input: ModelInput) -> PlainRequest | None:
    """A plain request; None for any other body."""
    try:
        document = simdjson.Parser().parse(body)
        if not isinstance(document, simdjson.Object):
            return None
        numbers = request_id = None
        outputs = parameters = _NO_TEXT
        lists = 2  # of inputs and of the shape
        for name in document:
            value = document[name]
            if name == "inputs" and numbers is None:
                numbers = _numbers(value, model_input)
            elif name == "id" and request_id is None and isinstance(value, str):
                request_id = value
            elif name == "outputs" and not outputs and isinstance(value, simdjson.Array):
                outputs, lists = value.mini, 3  # type: ignore[assignment]  # bytes, whatever the stub says
            elif name == "parameters" and not parameters and isinstance(value, simdjson.Object):
                parameters = value.mini  # type: ignore[assignment]
            else:
                return None
    except (ValueError, TypeError, KeyError, RuntimeError):  # all that simdjson raises
        return None
    if numbers is None or has_more_lists(body, lists + numbers.lists):
        return None
    return PlainRequest(numbers.values, request_id, outputs, parameters)


class _Numbers(NamedTuple):
    """The elements of a tensor, and how many lists they are in."""

    values: NDArray[np.float64]
    lists: int


def _numbers(inputs: object, model_input: ModelInput) -> _Numbers | None:
    if not isinstance(inputs, simdjson.Array) or len(inputs) != 1:
        return None
    tensor: Any = inputs[0]
    # With four fields, each of the four names is there, and once.
    if not isinstance(tensor, simdjson.Object) or len(tensor) != 4:
        return None
    if tensor["name"] != model_input.spec.name or tensor["datatype"] != model_input.spec.datatype:
        return None
    shape, data = tensor["shape"], tensor["data"]
    if not (isinstance(shape, simdjson.Array) and isinstance(data, simdjson.Array)):
        return None
    if not len(data) or len(shape) > MAX_DIMENSIONS:
        return None
    sizes: list[Any] = shape.as_list()
    count = model_input.series_count(sizes)
    if not count:
        return None
    # Before the numbers are written out: a body of 4 MB can have millions in one list.
    lists = _lists_of(data, sizes, count * model_input.values)
    return _Numbers(np.frombuffer(data.as_buffer(of_type="d"), np.float64), lists) if lists else None


def _lists_of(data: simdjson.Array, sizes: list[int], values: int) -> int:
    """How many lists data of a shape are: 1 if flat, else with one for each series; 0 if they are neither."""
    first: Any = data[0]
    if not isinstance(first, simdjson.Array):
        return int(len(data) == values)
    if len(data) != sizes[0] or len(sizes) != 2:
        return 0
    is_nested = all(isinstance(series, simdjson.Array) and len(series) == sizes[1] for series in data)
    return 1 + len(data) if is_nested else 0
