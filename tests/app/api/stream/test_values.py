"""`app.api.stream.values`: values of a body in pieces, however it is cut, and exact errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.api.stream.values import MAX_LINE_BYTES, Float32Reader, LinesReader, Parsed, ValueReader
from app.errors import ContractViolation, MalformedPayload
from app.series.spec import SeriesSpec
from tests.app.api.stream.streaming import as_float32, as_lines

ONE, TWO = SeriesSpec(500), SeriesSpec(500, channels=2)
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
NUMBERS = st.floats(-1e38, 1e38) | st.integers(-(10**30), 10**30) | st.integers(-5, 5)


def read(reader: ValueReader, body: bytes, cuts: list[int]) -> Parsed:
    """All values of a body that is cut at these places, up to the first error."""
    ends = sorted(min(cut, len(body)) for cut in cuts)
    found: list[NDArray[Any]] = []
    for start, end in zip([0, *ends], [*ends, len(body)], strict=True):
        values, error = reader.feed(body[start:end])
        found.append(values)
        if error is not None:
            return Parsed(np.concatenate(found), error)
    values, error = reader.finish()
    return Parsed(np.concatenate([*found, values]), error)


cuts = st.lists(st.integers(0, 500), max_size=5)


@given(
    st.lists(NUMBERS, max_size=20), cuts, st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \n"]), st.booleans()
)
def test_lines_are_the_numbers_that_python_reads(
    numbers: list[float], places: list[int], end: bytes, is_open: bool
) -> None:
    """Cut anywhere, with any line ends and blank lines, with or without a last line feed or a mark."""
    body = b"\xef\xbb\xbf" + as_lines(numbers).replace(b"\n", end)
    body = body.rstrip() if is_open else body
    values, error = read(LinesReader(ONE), body, places)
    assert error is None
    assert values.tolist() == [float(number) for number in numbers]


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=20), cuts)
def test_lists_are_the_channels_of_a_time_step(steps: list[tuple[float, float]], places: list[int]) -> None:
    """Cut anywhere."""
    values, error = read(LinesReader(TWO), as_lines(steps), places)
    assert error is None
    assert values.shape == (len(steps), 2)
    assert values.tolist() == [[float(value) for value in step] for step in steps]


@given(st.lists(FLOAT32, max_size=20), cuts, st.sampled_from([ONE, TWO]))
def test_raw_values_are_float32(numbers: list[float], places: list[int], spec: SeriesSpec) -> None:
    """Cut anywhere, also within a value."""
    sent = np.array(numbers[: len(numbers) // spec.channels * spec.channels], np.float32)
    values, error = read(Float32Reader(spec), as_float32(sent), places)
    assert error is None
    assert np.array_equal(values, sent.reshape(-1, *spec.shape[1:]))


@pytest.mark.parametrize(
    ("line", "spec", "message"),
    [
        (b"true", ONE, "lines/3: expected a number, got a boolean"),
        (b"null", ONE, "lines/3: expected a number, got null"),
        (b'"4"', ONE, "lines/3: expected a number, got a string"),
        (b"[4]", ONE, "lines/3: expected a number, got a list"),
        (b"{}", ONE, "lines/3: expected a number, got an object"),
        (b"NaN", ONE, "lines/3: not a finite number"),
        (b"-Infinity", ONE, "lines/3: not a finite number"),
        (b"1e39", ONE, "values/2: beyond the range of float32"),
        (b"1e400", ONE, "values/2: beyond the range of float32"),
        (b"9" * 500, ONE, "values/2: beyond the range of float32"),
        (b"4", TWO, "lines/3: expected a list of 2 numbers on each line, got a number"),
        (b"[4]", TWO, "lines/3: 1 value; the model takes 2, one for each channel"),
        (b"[4, 5, 6]", TWO, "lines/3: 3 values; the model takes 2, one for each channel"),
        (b"[4, false]", TWO, "lines/3: expected a number, got a boolean"),
        (b"[4, 1e39]", TWO, "values/2/1: beyond the range of float32"),
    ],
)
def test_what_is_no_value_is_named(line: bytes, spec: SeriesSpec, message: str) -> None:
    """By its line or place; the values before it are read, and none after it."""
    step = b"1" if spec is ONE else b"[1, 1]"
    for places in ([], list(range(40))):
        values, error = read(LinesReader(spec), b"\n".join([step, step, line, step]), places)
        assert len(values) == 2
        assert isinstance(error, ContractViolation)
        assert str(error) == message


@pytest.mark.parametrize(
    "line",
    [b"4, 5", b"4 5", b"4,", b"[4", b"+4", b".5", b"0x10", b"1_0", b"x", b"4\xff", b"\xe2\x80\x83"],
)
def test_what_is_no_json_is_named(line: bytes) -> None:
    """Also what two lines would make together: numbers are strict."""
    for body in (b"1\n1\n" + line + b"\n2]\n", b"1\n1\n" + line):
        values, error = read(LinesReader(ONE), body, [])
        assert values.tolist() == [1, 1]
        assert isinstance(error, MalformedPayload)
        assert str(error).startswith("line 3 is not JSON: ")


def test_lists_over_two_lines_are_no_lists() -> None:
    """Joined they would be what the model takes."""
    values, error = read(LinesReader(TWO), b"[1, 2]\n[1\n2],[3, 4]\n", [])
    assert values.tolist() == [[1, 2]]
    assert str(error).startswith("line 2 is not JSON: [1; send a list of 2 numbers on each line")


@pytest.mark.parametrize("cut", [1000, MAX_LINE_BYTES * 3])
def test_a_line_without_end_is_not_held(cut: int) -> None:
    """It is an error as soon as it is too long, also where its end has come."""
    reader = LinesReader(ONE)
    body = b"1\n" + b" " * (MAX_LINE_BYTES * 2) + b"\n1\n"
    found = [reader.feed(body[start : start + cut]) for start in range(0, len(body), cut)]
    error = next(parsed.error for parsed in found if parsed.error is not None)
    assert str(error).startswith(f"line 2 is longer than {MAX_LINE_BYTES} bytes")


def test_a_part_of_a_raw_value_at_the_end_is_an_error() -> None:
    """The values before it are read."""
    values, error = read(Float32Reader(TWO), as_float32(np.ones(4)) + b"abc", [5])
    assert values.tolist() == [[1, 1], [1, 1]]
    assert str(error) == "the body ends with 3 bytes of a time step of 8; send little-endian float32"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_raw_value_that_is_not_finite_is_named(value: float) -> None:
    """With its place in the recording."""
    sent = np.ones(10)
    sent[7] = value
    values, error = read(Float32Reader(ONE), as_float32(sent), [12])
    assert values.tolist() == [1] * 7
    assert str(error) == "values/7: not a finite number"
