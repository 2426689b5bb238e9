"""TensorFlow Serving's rules for numbers that become float32.

An integer must be exact in float32's 24 bits: at most 2**24 - 1. A decimal number may be rounded, but not to
infinity. NaN, Infinity and -Infinity are read, as TensorFlow Serving reads them, and refused by name: this
model takes finite numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.api.dialects.v1.parsing import Word
from app.api.payloads.wording import kind_of, shown
from app.series.offset import FLOAT32_END

MOST_INTEGER = 2**24 - 1
# Integers beyond 64 bits are decimal numbers to TensorFlow Serving.
_INTEGERS = range(-(2**63), 2**64)
_NUMBERS = {int, float}


def first_problem(values: Sequence[Any]) -> tuple[int, str] | None:
    """Position and message of the first value that is no number or does not become a float32."""
    if _NUMBERS.issuperset(map(type, values)):
        largest = max(map(abs, values), default=0)
        if largest <= MOST_INTEGER or (
            largest < FLOAT32_END
            and all(abs(value) <= MOST_INTEGER for value in values if type(value) is int)
        ):
            return None
    problems = ((i, problem) for i, value in enumerate(values) if (problem := _problem(value)))
    return next(problems, None)


def _problem(value: Any) -> str | None:
    if type(value) is Word:
        return f"{value.text} is not a finite number; the model takes finite numbers alone"
    if type(value) not in _NUMBERS:
        return f"expected a number, got {kind_of(value)}"
    if type(value) is int and value in _INTEGERS:
        if abs(value) <= MOST_INTEGER:
            return None
        lossy = f"Cannot convert JSON value: {value} to float without loss of precision."
        return f"{lossy} Send it as a decimal number, {value}.0, to have it rounded"
    if abs(value) == float("inf"):
        return "Number too big to be stored in double."
    if abs(value) >= FLOAT32_END:
        return f"Cannot convert JSON value: {shown(str(value))} to float without loss of precision."
    return None
