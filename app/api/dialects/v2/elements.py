"""The elements of a tensor in JSON: numbers, flat or in lists nested as its shape says."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Literal

import numpy as np
import simdjson
from numpy.typing import NDArray

from app.api.dialects.v2.json_fields import kind_of
from app.api.dialects.v2.model.inputs import DATATYPES
from app.api.dialects.v2.request import InferRequest
from app.api.payloads.plain_json import has_more_lists
from app.errors import ContractViolation

# What simdjson writes numbers out as, by the kind of a datatype.
_BUFFERS: Mapping[str, tuple[Literal["d", "i", "u"], type[np.number]]] = {
    "f": ("d", np.float64),
    "i": ("i", np.int64),
    "u": ("u", np.uint64),
}


def read_numbers(request: InferRequest, body: bytes) -> NDArray[np.number]:
    """The elements of the first input, flat: float64, or 64-bit integers if its datatype is of integers.

    Args:
        request: its first input with JSON data, and the datatype and shape checked: `ModelInput.check_head`.
        body: of the request.

    Raises:
        ContractViolation: an element is no such number, or lists are not nested as the shape says.
    """
    tensor, at = request.inputs[0], "inputs[0].data"
    data = tensor.data
    assert data is not None  # noqa: S101 - as documented
    lists = _check_lists(data, tensor.shape, at)
    # There may be other brackets, in a string, say: then all elements are looked at.
    if has_more_lists(body, lists + request.lists):
        _check_elements(data, tensor.shape, at)
    code, dtype = _BUFFERS[DATATYPES[tensor.datatype].kind]
    try:
        return np.frombuffer(data.as_buffer(of_type=code), dtype)
    except (ValueError, TypeError, RuntimeError):
        is_integer = code != "d"
        out_of_range = at, f"an element is out of range of {tensor.datatype}"
        raise ContractViolation([_odd_element(data, at, is_integer=is_integer) or out_of_range]) from None


def _check_lists(data: simdjson.Array, shape: tuple[int, ...], at: str) -> int:
    """Check the number of elements of flat data, or the lists of nested data; returns how many lists."""
    if not _is_nested(data):
        _check_count(data, prod(shape), shape, at)
        return 1
    _check_count(data, shape[0], shape, at)
    return 1 + _check_inner_lists(data, shape, at)


def _check_inner_lists(data: simdjson.Array, shape: tuple[int, ...], at: str) -> int:
    """Check the lists in a list, and the lists in those; not what is in the innermost."""
    lists, size = len(data), shape[1]
    for index, each in enumerate(data):
        if not (isinstance(each, simdjson.Array) and len(each) == size):
            _check_list(each, size, shape, f"{at}[{index}]")
    if len(shape) > 2:
        for index, each in enumerate(data):
            inner = _check_list(each, size, shape, at)
            lists += _check_inner_lists(inner, shape[1:], f"{at}[{index}]")
    return lists


def _check_elements(data: simdjson.Array, shape: tuple[int, ...], at: str) -> None:
    """Check that data are flat, or lists nested as a shape says, down to the elements."""
    _check_nested(data, shape if _is_nested(data) else (prod(shape),), at)


def _check_nested(data: simdjson.Array, shape: tuple[int, ...], at: str) -> None:
    for index, each in enumerate(data):
        if len(shape) > 1:
            deeper = _check_list(each, shape[1], shape, f"{at}[{index}]")
            _check_nested(deeper, shape[1:], f"{at}[{index}]")
        elif isinstance(each, simdjson.Array):
            raise ContractViolation([(f"{at}[{index}]", "expected a number, got a list")])


def _is_nested(data: simdjson.Array) -> bool:
    return bool(len(data)) and isinstance(data[0], simdjson.Array)


def _check_list(found: object, size: int, shape: tuple[int, ...], at: str) -> simdjson.Array:
    if not isinstance(found, simdjson.Array):
        raise ContractViolation([(at, f"expected a list of {size} elements, got {kind_of(found)}")])
    _check_count(found, size, shape, at)
    return found


def _check_count(data: simdjson.Array, size: int, shape: tuple[int, ...], at: str) -> None:
    if len(data) != size:
        raise ContractViolation([(at, f"{len(data)} elements; shape {list(shape)} has {size}")])


def _odd_element(data: simdjson.Array, at: str, *, is_integer: bool) -> tuple[str, str] | None:
    """The place of the first element that is no number, or no integer, and what is wrong with it."""
    for index, each in enumerate(data):
        if isinstance(each, simdjson.Array):
            if deeper := _odd_element(each, f"{at}[{index}]", is_integer=is_integer):
                return deeper
        elif type(each) is not int and (is_integer or type(each) is not float):
            wanted = "an integer" if is_integer else "a number"
            return f"{at}[{index}]", f"expected {wanted}, got {kind_of(each)}"
    return None
