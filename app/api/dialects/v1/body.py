"""What a JSON body says, with the place of everything that is wrong.

`codec.py` reads plain bodies without it: this reads all others, and says what is wrong with those that no
model could take.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.api.dialects.v1.addresses import CLASSIFY
from app.api.dialects.v1.numbers import first_problem
from app.api.dialects.v1.parsing import Repeated, parsed
from app.api.dialects.v1.signature import INPUT, SIGNATURE
from app.api.payloads.json_structure import check_structure
from app.api.payloads.wording import (
    MAX_VIOLATIONS,
    NO_SERIES,
    kind_of,
    shown,
    too_many_series,
    wrong_channels,
    wrong_length,
)
from app.errors import ContractViolation
from app.series.spec import SeriesSpec

SIGNATURE_FIELD = "signature_name"
# "" is TensorFlow Serving's default, too.
SIGNATURES = frozenset(("", SIGNATURE))
# A list, an object and its field for each series.
_NODES_PER_SERIES = 3

_Problem = tuple[str, str]


class Form(StrEnum):
    """The form of a body: the field that has its series."""

    ROWS = "instances"
    COLUMNS = "inputs"
    EXAMPLES = "examples"


# Fields that may come once alone.
_FIELDS = (*Form, SIGNATURE_FIELD, INPUT)


class BodyReader:
    """Reads bodies with 1 to `max_instances` series of one `SeriesSpec`."""

    def __init__(self, spec: SeriesSpec, *, max_instances: int) -> None:
        self._spec = spec
        self._lists = "[[...]]" if spec.channels == 1 else "[[[...]]]"
        self._max_instances = max_instances

    def __call__(self, body: bytes, method: str) -> tuple[Form, NDArray[np.float64]]:
        """The form of a body, and its numbers `float64[n, *spec.shape]`, all finite as float32.

        Args:
            body: without a byte order mark.
            method: of the request, `predict` or `classify`.

        Raises:
            MalformedPayload: the body is no JSON in UTF-8.
            ContractViolation: it is JSON, but not what the method and the model take.
        """
        check_structure(
            body, self._spec, max_instances=self._max_instances, nodes_per_series=_NODES_PER_SERIES
        )
        document = parsed(body, fields=_FIELDS)
        if type(document) is not dict:
            raise _violation("", f"expected an object, got {kind_of(document)}")
        _check_signature(_field(document, SIGNATURE_FIELD, "", default=""))
        if method == CLASSIFY:
            return Form.EXAMPLES, self._examples(document)
        forms = [form for form in (Form.ROWS, Form.COLUMNS) if form in document]
        if len(forms) != 1:
            given = "both are given" if forms else "Missing 'inputs' or 'instances' key"
            raise _violation("", f"{given}; expecting only one of 'inputs' or 'instances' keys")
        [form] = forms
        value = _field(document, form, "")
        return form, self._rows(value) if form is Form.ROWS else self._columns(value)

    def _rows(self, rows: Any) -> NDArray[np.float64]:
        """Series of `instances`: all of them lists, or all of them objects with the name of the input."""
        self._check_count(rows, Form.ROWS)
        if type(rows[0]) is not dict:
            return self._array(rows, [f"{Form.ROWS}[{i}]" for i in range(len(rows))])
        series, problems = [], []
        for i, row in enumerate(rows):
            if type(row) is not dict:
                problems.append(
                    (f"instances[{i}]", f"expected an object as instances[0], got {kind_of(row)}")
                )
            elif row.keys() != {INPUT}:
                names = ", ".join(map(shown, islice(row, 3))) or "none"
                problems.append((f"instances[{i}]", f"keys must be equal to: {INPUT}; got {names}"))
            else:
                series.append(_field(row, INPUT, f"instances[{i}]"))
        _raise_if(problems)
        return self._array(series, [f"{Form.ROWS}[{i}].{INPUT}" for i in range(len(series))])

    def _columns(self, inputs: Any) -> NDArray[np.float64]:
        """Series of `inputs`: a list, or an object with it under the name of the input."""
        place: str = Form.COLUMNS
        if type(inputs) is dict:
            if INPUT not in inputs:
                raise _violation(place, f"Missing named input: {INPUT} in 'inputs' object.")
            inputs, place = _field(inputs, INPUT, place), f"{place}.{INPUT}"
        self._check_count(inputs, place)
        return self._array(inputs, [f"{place}[{i}]" for i in range(len(inputs))])

    def _examples(self, document: dict[str, Any]) -> NDArray[np.float64]:
        """Series of `examples`: each a flat list of all values, as features of a `tf.Example` are."""
        if Form.EXAMPLES not in document:
            raise _violation("", "When method is classify, key 'examples' is expected and was not found")
        examples = _field(document, Form.EXAMPLES, "")
        self._check_count(examples, Form.EXAMPLES)
        features, problems = [], []
        for i, example in enumerate(examples):
            if type(example) is not dict:
                problems.append((f"examples[{i}]", f"Example must be JSON object but got {kind_of(example)}"))
            elif INPUT not in example:
                problems.append((f"examples[{i}]", f"Feature: {INPUT} is required but was not found"))
            else:
                features.append(_field(example, INPUT, f"examples[{i}]"))
        _raise_if(problems)
        places = [f"{Form.EXAMPLES}[{i}].{INPUT}" for i in range(len(features))]
        flat = SeriesSpec(self._spec.values)
        return _array(features, places, flat).reshape(-1, *self._spec.shape)

    def _check_count(self, found: Any, place: str) -> None:
        if type(found) is not list:
            raise _violation(place, f"expected a list of series, got {kind_of(found)}")
        if not found:
            raise _violation(place, NO_SERIES)
        if type(found[0]) in {int, float}:
            items = _items(self._spec)
            raise _violation(
                place, f"a flat list of numbers; send each series as a list of {items}: {self._lists}"
            )
        if len(found) > self._max_instances:
            raise _violation(place, too_many_series(len(found), max_instances=self._max_instances))

    def _array(self, series: Sequence[Any], places: Sequence[str]) -> NDArray[np.float64]:
        return _array(series, places, self._spec)


def _array(series: Sequence[Any], places: Sequence[str], spec: SeriesSpec) -> NDArray[np.float64]:
    """Series as an array; of every series, the first problem is reported."""
    found = zip(places, (_series_problem(each, spec) for each in series), strict=True)
    _raise_if([(place + at, message) for place, problem in found if problem for at, message in [problem]])
    return np.array(series, np.float64)


def _series_problem(series: Any, spec: SeriesSpec) -> _Problem | None:
    """Place within a series, and message, of its first problem."""
    if type(series) is not list:
        return "", f"expected a list of {_items(spec)}, got {kind_of(series)}"
    if len(series) != spec.length:
        return "", wrong_length(len(series), spec)
    if spec.channels == 1:
        return _values_problem(series)
    for step, values in enumerate(series):
        if type(values) is not list:
            return f"[{step}]", f"expected a list of {spec.channels} numbers, got {kind_of(values)}"
        if len(values) != spec.channels:
            return f"[{step}]", wrong_channels(len(values), spec)
        if problem := _values_problem(values):
            return f"[{step}]{problem[0]}", problem[1]
    return None


def _values_problem(values: list[Any]) -> _Problem | None:
    found = first_problem(values)
    return found and (f"[{found[0]}]", found[1])


def _items(spec: SeriesSpec) -> str:
    if spec.channels == 1:
        return f"{spec.length} numbers"
    return f"{spec.length} lists of {spec.channels} numbers"


def _field(found: dict[str, Any], name: str, place: str, *, default: Any = None) -> Any:
    """The value of a field that comes once: readers of JSON differ in which of several counts."""
    value = found.get(name, default)
    if type(value) is Repeated:
        raise _violation(f"{place}.{name}" if place else name, f"given {value.times} times; send it once")
    return value


def _check_signature(name: Any) -> None:
    if not isinstance(name, str):
        raise _violation("", f"'{SIGNATURE_FIELD}' key must be a string value, got {kind_of(name)}")
    if name not in SIGNATURES:
        raise _violation(
            "", f'Serving signature name: "{shown(name)}" not found in signature def; use {SIGNATURE}'
        )


def _violation(place: str, message: str) -> ContractViolation:
    return ContractViolation([(place, message)])


def _raise_if(problems: list[_Problem]) -> None:
    if problems:
        raise ContractViolation(problems[:MAX_VIOLATIONS], total=len(problems))
