"""Reference readers of V1 and V2 requests: Python's json and numpy, with the protocols' rules for numbers.

A protocol leaves room for what else a request may have. So a reader says, beside the numbers of a body,
whether it is plain: made of what every client sends. A plain body with numbers must be accepted, and no body
without them.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa.fuzz.cases import Case, Size
from qa.fuzz.numbers import FLOAT32_END
from qa.fuzz.v1_bodies import CLASSIFY
from qa.fuzz.v2_bodies import DATATYPES, INPUT

_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, RecursionError, MemoryError, OverflowError)
_OUTPUTS = ("probabilities", "label", "label_set", "ood_score")
_MOST_INTEGER = 2**24 - 1
_64_BITS = range(-(2**63), 2**64)


class Expected(NamedTuple):
    """What a reader makes of a body.

    Attributes:
        series: its numbers, `float32[n, length]`; None if the model must not accept it.
        is_plain: whether it must be accepted if it has numbers.
    """

    series: NDArray[np.float32] | None
    is_plain: bool


class _Object(dict[str, Any]):
    """An object of JSON; `is_odd` if it has a name twice."""

    is_odd = False

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.is_odd = len(self) != len(pairs)


def expected_v2(case: Case) -> Expected:
    """The series of a V2 request."""
    return _read(_v2, case)


def expected_v1(case: Case) -> Expected:
    """The series of a V1 request."""
    return _read(_v1, case)


def _read(read: Callable[[Case], Expected], case: Case) -> Expected:
    try:
        return read(case)
    except _UNREADABLE:
        return Expected(None, is_plain=False)


def _v2(case: Case) -> Expected:
    length = int(case.head) if case.head else len(case.body)
    if case.head and length == 0:
        raw = np.frombuffer(case.body, "<f4")
        return Expected(_fitting(raw, 1, case.size), is_plain=True)
    if length > len(case.body):
        return Expected(None, is_plain=False)
    document = _json(case.body[:length])
    (tensor,) = map(_object, _list(document["inputs"]))
    parameters = _object(tensor.get("parameters") or _Object([]))
    odd = document.is_odd or tensor.is_odd or parameters.is_odd
    shape, dtype = tensor["shape"], np.dtype(DATATYPES[tensor["datatype"]])
    fits = type(shape) is list and all(type(size) is int for size in shape) and tensor["name"] == INPUT
    if odd or not fits or tuple(shape[1:]) not in ((case.size.length,), (case.size.length, 1)):
        return Expected(None, is_plain=False)
    rest = case.body[length:]
    if tensor.get("data") is not None:
        values = (
            None
            if rest or parameters.get("binary_data_size") is not None
            else _numbers_of(tensor["data"], shape, dtype)
        )
    else:
        size = parameters["binary_data_size"]
        is_right = type(size) is int and size == len(rest)
        values = np.frombuffer(rest, dtype) if is_right and case.head else None
    series = None if values is None else _fitting(values, shape[0], case.size)
    return Expected(series, is_plain=_is_plain_v2(document, tensor))


def _is_plain_v2(document: dict[str, Any], tensor: dict[str, Any]) -> bool:
    is_known = document.keys() <= {"inputs", "outputs", "id"} and type(document.get("id", "")) is str
    outputs = document.get("outputs", [])
    are_named = type(outputs) is list and all(
        type(each) is _Object and each.keys() == {"name"} and each["name"] in _OUTPUTS for each in outputs
    )
    head = {"name", "shape", "datatype"}
    is_text = tensor.keys() == head | {"data"}
    is_binary = tensor.keys() == head | {"parameters"} and tensor["parameters"].keys() == {"binary_data_size"}
    return is_known and are_named and (is_text or is_binary)


def _numbers_of(data: Any, shape: list[int], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """The elements of JSON data, flat or nested as the shape says; None if there are no such."""
    flat = _list(data)
    if flat and type(flat[0]) is list:
        for size in shape[1:]:
            if not all(type(each) is list and len(each) == size for each in flat):
                return None
            flat = [value for each in flat for value in each]
        if len(data) != shape[0]:
            return None
    if dtype.kind == "f":
        kinds = {int, float}
        if not all(type(value) in kinds and (type(value) is float or value in _64_BITS) for value in flat):
            return None
        return np.array([float(value) for value in flat], np.float64)
    limits = np.iinfo(dtype)
    if not all(type(value) is int and limits.min <= value <= limits.max for value in flat):
        return None
    return np.array(flat, np.uint64 if dtype.kind == "u" else np.int64)


def _v1(case: Case) -> Expected:
    document = _json(case.body)
    is_plain = document.keys() <= {"instances", "inputs", "examples", "signature_name"}
    if document.is_odd or document.get("signature_name", "") not in ("", "serving_default"):
        return Expected(None, is_plain=False)
    names = ("examples",) if case.head == CLASSIFY else ("instances", "inputs")
    (name,) = (name for name in names if name in document)
    found = document[name]
    if name == "inputs" and type(found) is _Object:
        if found.is_odd:
            return Expected(None, is_plain=False)
        is_plain &= found.keys() == {INPUT}
        found = found[INPUT]
    rows = _list(found)
    if name != "inputs" and rows and type(rows[0]) is _Object:
        if not all(type(row) is _Object and row.keys() == {INPUT} and not row.is_odd for row in rows):
            return Expected(None, is_plain=False)
        rows = [row[INPUT] for row in rows]
    elif name == "examples":
        return Expected(None, is_plain=False)
    if not all(type(row) is list and len(row) == case.size.length for row in rows):
        return Expected(None, is_plain=False)
    values = [value for row in rows for value in row]
    if not all(_is_number_of_v1(value) for value in values):
        return Expected(None, is_plain=False)
    numbers = np.array([float(value) for value in values], np.float64)
    return Expected(_fitting(numbers, len(rows), case.size), is_plain=is_plain)


def _is_number_of_v1(value: Any) -> bool:
    if type(value) is int:
        return abs(value) <= _MOST_INTEGER or value not in _64_BITS
    return type(value) is float


def _json(body: bytes) -> _Object:
    text = body.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    document = json.loads(text, object_pairs_hook=_Object, parse_constant=_refuse)
    return _object(document)


def _object(value: Any) -> _Object:
    if type(value) is not _Object:
        raise TypeError
    return value


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError
    return value


def _fitting(values: NDArray[Any], rows: int, size: Size) -> NDArray[np.float32] | None:
    """The values as series, if they are as many as a model of the size takes, and finite as float32."""
    if not 1 <= rows <= size.max_instances or len(values) != math.prod((rows, size.length)):
        return None
    with np.errstate(invalid="ignore"):  # of NaN
        numbers = values.astype(np.float64)
    if not (np.abs(numbers) < FLOAT32_END).all():
        return None
    return values.astype(np.float32).reshape(rows, size.length)


def _refuse(name: str) -> Any:
    raise ValueError(name)
