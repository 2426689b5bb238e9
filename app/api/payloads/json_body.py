"""`{"instances": [[...], ...]}` as float32 arrays; what `plain_json` does not take goes to pydantic.

A series of several channels is a list of time steps, each a list with a value of each channel. A series of
one channel is a list of numbers.
"""

from __future__ import annotations

import codecs
import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from app.api.payloads.finite import to_finite_float32
from app.api.payloads.json_structure import check_structure
from app.api.payloads.plain_json import read_plain
from app.api.payloads.wording import (
    BEYOND_FLOAT32,
    MAX_VIOLATIONS,
    NO_SERIES,
    NOT_FINITE,
    kind_of,
    shown,
    too_many_series,
    wrong_channels,
    wrong_length,
)
from app.errors import ContractViolation, MalformedPayload
from app.series.offset import Narrowed
from app.series.spec import SeriesSpec

_OTHER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class _Body(BaseModel):
    # Unknown fields are refused here, not by extra="forbid": that reports each one, and a body of
    # nothing but unknown fields would cost seconds and gigabytes to refuse.
    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    instances: list[Any]


class JsonDecoder:
    """Decodes JSON bodies with 1 to `max_instances` series of one `SeriesSpec`."""

    def __init__(self, spec: SeriesSpec, *, max_instances: int) -> None:
        series: Any = float
        for size in reversed(spec.shape):
            # Fail-fast inside a series alone: the first invalid value of every series is reported.
            series = Annotated[list[series], FailFast(), Field(min_length=size, max_length=size)]
        batch = Annotated[list[series], Field(min_length=1, max_length=max_instances)]
        self._body = create_model("Body", __base__=_Body, instances=(batch, ...))
        self._spec, self._is_invariant = spec, spec.is_invariant
        self._lists = "[[...]]" if spec.channels == 1 else "[[[...]]]"
        self._form = f'{{"instances": {self._lists}}}'
        self._max_instances = max_instances

    def __call__(self, body: bytes) -> Narrowed:
        """The body's series, read-only.

        Raises:
            MalformedPayload: the body is no JSON in UTF-8; the message gives the position.
            ContractViolation: it is JSON, but not what the model takes.
        """
        # RFC 8259, 8.1 lets a reader ignore one; PowerShell and .NET write it.
        body = body.removeprefix(codecs.BOM_UTF8)
        values = read_plain(body, self._spec, max_instances=self._max_instances)
        found = to_finite_float32(
            self.validated(body) if values is None else values, is_invariant=self._is_invariant
        )
        found.series.setflags(write=False)
        return found

    def validated(self, body: bytes) -> NDArray[np.float64]:
        """The body's numbers `float64[n, *spec.shape]` by pydantic, which finds every invalid place.

        Raises:
            MalformedPayload: the body is no JSON in UTF-8; the message gives the position.
            ContractViolation: it is JSON, but not what the model takes.
        """
        check_structure(body, self._spec, max_instances=self._max_instances)
        return np.array(self._validated(body), np.float64)

    def _validated(self, body: bytes) -> list[Any]:
        try:
            document = self._body.model_validate_json(body)
        except ValidationError as error:
            raise self._refusal(body, error.errors(include_url=False)) from None
        if document.model_extra:
            raise ContractViolation(self._unknown(document.model_extra), total=len(document.model_extra))
        # The only string of a valid body is one name, without a colon.
        if (times := body.count(b":")) > 1:
            raise ContractViolation([("instances", f"given {times} times; send it once")])
        return document.instances

    def _refusal(self, body: bytes, errors: list[ErrorDetails]) -> MalformedPayload | ContractViolation:
        first = errors[0]
        if first["type"] == "json_invalid":
            return MalformedPayload(self._unreadable(body, first["ctx"]["error"]))
        if first["type"] == "missing":
            missing = ("instances", f"missing field; send {self._form}")
            violations = [missing, *self._unknown(first["input"])]
            return ContractViolation(violations[:MAX_VIOLATIONS], total=1 + len(first["input"]))
        if _is_flat(first):
            message = f"a flat list of numbers; send each series as a list of {self._items(1)}: {self._lists}"
            return ContractViolation([("instances", message)])
        violations = [
            ("/".join(map(str, error["loc"])), self._message(error, body))
            for error in errors[:MAX_VIOLATIONS]
        ]
        return ContractViolation(violations, total=len(errors))

    def _message(self, error: ErrorDetails, body: bytes) -> str:
        """The message of an error; the depth of its place distinguishes body, lists and values."""
        kind, depth = error["type"], len(error["loc"])
        this = kind_of(error["input"])
        if kind == "model_type":
            return f"expected an object, {self._form}; got {this}"
        if kind == "list_type":
            return f"expected a list of {self._items(depth - 1)}, got {this}"
        if kind in {"too_short", "too_long"}:
            found = error["ctx"]["actual_length"]
            if depth > 1:
                return (wrong_length if depth == 2 else wrong_channels)(found, self._spec)
            return too_many_series(found, max_instances=error["ctx"]["max_length"]) if found else NO_SERIES
        if kind == "finite_number":
            return _not_finite(error["input"], body)
        return f"expected a number, got {this}"

    def _items(self, depth: int) -> str:
        """The items of a list: of the body, of a series, or of a time step of several channels."""
        channels = self._spec.channels
        steps = f"{self._spec.length} {'numbers' if channels == 1 else f'lists of {channels} numbers'}"
        return ("series", steps, f"{channels} numbers, one for each channel")[depth]

    def _unreadable(self, body: bytes, reason: str) -> str:
        if not body.strip():
            return f"the body is empty; send {self._form}"
        if body.startswith(_OTHER_MARKS):
            return "the body starts with a UTF-16 byte order mark or two marks; send UTF-8 with at most one"
        return f"not JSON: {reason.replace('recursion limit exceeded', 'nested too deeply')}"

    def _unknown(self, fields: dict[str, Any]) -> list[tuple[str, str]]:
        names = list(fields)[:MAX_VIOLATIONS]
        return [(shown(name), f"unknown field; send only {self._form}") for name in names]


def _is_flat(error: ErrorDetails) -> bool:
    """Whether the instances are themselves numbers: one series, sent without the list around it."""
    if error["loc"] == ("instances",) and error["type"] == "too_long":
        first = error["input"][0]
    else:
        first = error["input"] if error["loc"] == ("instances", 0) else None
    return type(first) in {int, float}


def _not_finite(value: float, body: bytes) -> str:
    # 1e400 and Infinity both arrive as infinity, and 400 digits as an integer that math.isnan cannot take.
    is_word = isinstance(value, float) and (math.isnan(value) or b"Infinity" in body)
    return NOT_FINITE if is_word else BEYOND_FLOAT32
