"""JSON bodies: what is read, what is refused, and in which words."""

from __future__ import annotations

import json
import tracemalloc
from codecs import BOM_UTF8

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from app.api.payloads import JsonDecoder
from app.errors import ContractViolation, MalformedPayload
from app.series.spec import SeriesSpec

LENGTH = 500
MAX_INSTANCES = 256
DECODE = JsonDecoder(SeriesSpec(LENGTH, is_invariant=False), max_instances=MAX_INSTANCES)
GOOD = ["0.5"] * LENGTH
OTHER_MARK = "the body starts with a UTF-16 byte order mark or two marks; send UTF-8 with at most one"
FORM = '{"instances": [[...]]}'


def body_of(*series: list[str]) -> bytes:
    """A body of series, each given as the texts of its numbers."""
    rows = ", ".join(f"[{', '.join(values)}]" for values in series)
    return f'{{"instances": [{rows}]}}'.encode()


def with_value(text: str, *, at: int) -> list[str]:
    """A good series but for one value."""
    return [*GOOD[:at], text, *GOOD[at + 1 :]]


def violation_of(body: bytes) -> ContractViolation:
    """The violation that a body is refused with."""
    with pytest.raises(ContractViolation) as caught:
        DECODE(body)
    return caught.value


def malformed(body: bytes) -> str:
    """The message that a body is refused with as unreadable."""
    with pytest.raises(MalformedPayload) as caught:
        DECODE(body)
    return str(caught.value)


def test_a_good_body_becomes_a_contiguous_float32_array() -> None:
    """Series come out as rows of a read-only, C-contiguous float32 array, in their order."""
    series = DECODE(body_of(["1"] * LENGTH, ["-2.5e-3"] * LENGTH)).series
    assert series.dtype == np.float32
    assert series.flags.c_contiguous
    assert not series.flags.writeable
    np.testing.assert_array_equal(series, np.array([[1.0] * LENGTH, [-2.5e-3] * LENGTH], np.float32))


@pytest.mark.parametrize("text", ["0.5", "1e-5", "0.1e1"])
def test_one_byte_order_mark_is_ignored(text: str) -> None:
    """PowerShell and .NET write one; the numbers are those of the body without it."""
    body = body_of(with_value(text, at=3), GOOD)
    np.testing.assert_array_equal(DECODE(BOM_UTF8 + body).series, DECODE(body).series)
    assert violation_of(BOM_UTF8 + body_of(["0.5"])).violations == violation_of(body_of(["0.5"])).violations


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.just(7)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
def test_every_float32_survives_the_trip_through_json(sent: NDArray[np.float32]) -> None:
    """Any finite float32 array, written as JSON, is decoded to the same bits."""
    decode = JsonDecoder(SeriesSpec(7, is_invariant=False), max_instances=4)
    received = decode(json.dumps({"instances": sent.tolist()}).encode()).series
    assert received.tobytes() == sent.tobytes()


@given(
    arrays.arrays(
        np.float64, (2, 3), elements=st.floats(-3.4e38, 3.4e38, allow_nan=False, allow_infinity=False)
    )
)
def test_a_float64_is_rounded_as_numpy_rounds_it(sent: NDArray[np.float64]) -> None:
    """Numbers with more digits than float32 holds are rounded to the nearest one."""
    received = JsonDecoder(SeriesSpec(3, is_invariant=False), max_instances=2)(
        json.dumps({"instances": sent.tolist()}).encode()
    ).series
    assert received.tobytes() == sent.astype(np.float32).tobytes()


@pytest.mark.parametrize(
    "text", ["-0.0", "1e-320", "1e-400", "0", "-12", "18446744073709551616", "3.4028235e38"]
)
def test_unusual_numbers_within_float32_are_taken(text: str) -> None:
    """Zeros with a sign, numbers too small for float32, and integers of any size within it are numbers."""
    series = DECODE(body_of(with_value(text, at=17))).series
    assert series[0, 17].tobytes() == np.float32(float(text)).tobytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"0.5"', "expected a number, got a string"),
        ("true", "expected a number, got a boolean"),
        ("false", "expected a number, got a boolean"),
        ("null", "expected a number, got null"),
        ("[0.5]", "expected a number, got a list"),
        ('{"value": 0.5}', "expected a number, got an object"),
        ("NaN", "not a finite number"),
        ("Infinity", "not a finite number"),
        ("-Infinity", "not a finite number"),
        ("1e39", "beyond the range of float32"),
        ("-1e39", "beyond the range of float32"),
        ("3.4028236e38", "beyond the range of float32"),
        ("1e400", "beyond the range of float32"),
        ("-1e400", "beyond the range of float32"),
        ("9" * 400, "beyond the range of float32"),
        ("9" * 100, "beyond the range of float32"),
    ],
)
def test_a_value_that_is_no_float32_is_reported_with_its_place(text: str, message: str) -> None:
    """A wrong value among the numbers is refused at exactly its series and position."""
    error = violation_of(body_of(GOOD, GOOD, GOOD, with_value(text, at=17)))
    assert error.violations == [("instances/3/17", message)]
    assert error.total == 1


@pytest.mark.parametrize(
    ("body", "pointer", "message"),
    [
        (body_of(GOOD, GOOD[1:]), "instances/1", "499 values; the model takes 500"),
        (body_of([*GOOD, "1"]), "instances/0", "501 values; the model takes 500"),
        (body_of(["1"]), "instances/0", "1 value; the model takes 500"),
        (body_of([]), "instances/0", "0 values; the model takes 500"),
        (body_of(), "instances", "no series; send at least 1"),
        (body_of(*[GOOD] * 257), "instances", "257 series; at most 256 a request"),
        (body_of(*[GOOD] * 300), "instances", "300 series; at most 256 a request"),
        (b'{"instances": "0.5"}', "instances", "expected a list of series, got a string"),
        (b'{"instances": null}', "instances", "expected a list of series, got null"),
        (b'{"instances": {}}', "instances", "expected a list of series, got an object"),
        (b'{"instances": ["a"]}', "instances/0", "expected a list of 500 numbers, got a string"),
        (b'{"instances": [null]}', "instances/0", "expected a list of 500 numbers, got null"),
        (b'{"instances": [{}]}', "instances/0", "expected a list of 500 numbers, got an object"),
        (b"[[0.5]]", "", f"expected an object, {FORM}; got a list"),
        (b"0.5", "", f"expected an object, {FORM}; got a number"),
        (b"null", "", f"expected an object, {FORM}; got null"),
        (b"{}", "instances", f"missing field; send {FORM}"),
    ],
)
def test_a_body_of_the_wrong_form_is_reported_with_place_and_reason(
    body: bytes, pointer: str, message: str
) -> None:
    """Readable JSON that is not what the model takes gets one violation, in the service's own words."""
    assert violation_of(body).violations == [(pointer, message)]


@pytest.mark.parametrize("count", [1, 3, LENGTH, 2 * MAX_INSTANCES])
@pytest.mark.parametrize("value", ["1", "0.5"])
def test_a_flat_list_is_reported_that_each_instance_is_a_list(count: int, value: str) -> None:
    """One series without the list around it gets one answer that says so, however long it is."""
    error = violation_of(f'{{"instances": [{", ".join([value] * count)}]}}'.encode())
    message = "a flat list of numbers; send each series as a list of 500 numbers: [[...]]"
    assert error.violations == [("instances", message)]
    assert error.total == 1


def test_a_number_among_series_is_reported_at_its_place() -> None:
    """A single number where a series belongs is not taken for a flat list."""
    error = violation_of(b'{"instances": [%b, 7]}' % json.dumps([0.5] * LENGTH).encode())
    assert error.violations == [("instances/1", "expected a list of 500 numbers, got a number")]


def test_a_wrong_key_is_reported_beside_the_missing_one() -> None:
    """A misspelt key is named, together with the key that was expected."""
    error = violation_of(body_of(GOOD).replace(b"instances", b"instance"))
    assert error.violations == [
        ("instances", f"missing field; send {FORM}"),
        ("instance", f"unknown field; send only {FORM}"),
    ]
    assert error.total == 2


@pytest.mark.parametrize(
    "first", ['"instances": [[1]]', '"\\u0069nstances": null', '"instances": -Infinity', '"instances": {}']
)
def test_a_field_that_is_given_twice_is_refused(first: str) -> None:
    """Readers of JSON differ in which one counts, so none does."""
    second = body_of(["0.5"] * LENGTH)
    body = b"{" + first.encode() + b"," + second.removeprefix(b"{")
    assert str(violation_of(body)) == "instances: given 2 times; send it once"


def test_an_extra_key_is_refused() -> None:
    """A body with good instances and something else is refused, so that no wish goes unheard."""
    error = violation_of(body_of(GOOD)[:-1] + b', "explain": true}')
    assert error.violations == [("explain", f"unknown field; send only {FORM}")]


def test_an_unknown_key_is_shown_short_and_on_one_line() -> None:
    """A key of any length, with any characters, leaves the message one line that can be logged."""
    error = violation_of(json.dumps({"a\n\x1b[31m" + "b" * 1000: 1, "instances": [[0.5] * LENGTH]}).encode())
    assert str(error).isprintable()
    assert len(str(error)) < 200


def test_many_unknown_keys_are_counted_and_a_few_shown() -> None:
    """Thousands of unknown keys give twenty violations and their number."""
    error = violation_of(json.dumps({str(key): 0 for key in range(5000)}).encode())
    assert len(error.violations) == 20
    assert error.total == 5001
    extra = {str(key): 0 for key in range(5000)}
    error = violation_of(json.dumps({"instances": [[0.5] * LENGTH], **extra}).encode())
    assert len(error.violations) == 20
    assert error.total == 5000


def test_of_each_series_the_first_wrong_value_is_reported() -> None:
    """A series costs one violation however many of its values are wrong, and twenty are shown at most."""
    error = violation_of(body_of(GOOD, *[["true"] * LENGTH] * 30))
    assert error.violations == [
        (f"instances/{i}/0", "expected a number, got a boolean") for i in range(1, 21)
    ]
    assert error.total == 30
    assert str(error) == "instances/1/0: expected a number, got a boolean (and 29 more)"


def test_many_values_beyond_float32_are_counted_and_a_few_shown() -> None:
    """Values that overflow float32 are all counted, and the first twenty shown."""
    error = violation_of(body_of(GOOD, ["1e39"] * LENGTH))
    assert error.violations == [(f"instances/1/{j}", "beyond the range of float32") for j in range(20)]
    assert error.total == LENGTH


def test_each_wrong_series_is_reported_with_its_own_reason() -> None:
    """Different mistakes in different series are all told, in order."""
    error = violation_of(body_of(with_value("null", at=2), GOOD, GOOD[1:], with_value("-Infinity", at=499)))
    assert error.violations == [
        ("instances/0/2", "expected a number, got null"),
        ("instances/2", "499 values; the model takes 500"),
        ("instances/3/499", "not a finite number"),
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", f"the body is empty; send {FORM}"),
        (b" \n", f"the body is empty; send {FORM}"),
        (b"instances=1", "not JSON: expected value at line 1 column 1"),
        (b'{"instances": [[0.5,\n0.5, x]]}', "not JSON: expected value at line 2 column 6"),
        (b"{'instances': []}", "not JSON: key must be a string at line 1 column 2"),
        (body_of(GOOD)[:-40], "not JSON: EOF while parsing a list at line 1 column 2477"),
        (body_of(GOOD) + b"}", "not JSON: trailing characters at line 1 column 2518"),
        (body_of(GOOD) + b"\0", "not JSON: trailing characters at line 1 column 2518"),
        (body_of(["+1"]), "not JSON: expected value at line 1 column 17"),
        (body_of(["01"]), "not JSON: invalid number at line 1 column 18"),
        (body_of([".5"]), "not JSON: expected value at line 1 column 17"),
        (body_of(["1,"]), "not JSON: trailing comma at line 1 column 19"),
        (body_of(["9" * 10_000]), "not JSON: number out of range at line 1 column 4318"),
        (b'{"instances": [["\xff"]]}', "not JSON: invalid unicode code point at line 1 column 18"),
        (b'{"\xc3": 1}', "not JSON: invalid unicode code point at line 1 column 3"),
        (b"[" * 10_000, "not JSON: nested too deeply at line 1 column 202"),
        (b"[" * 10_000 + b"]" * 10_000, "not JSON: nested too deeply at line 1 column 202"),
        (b'{"instances": ' + b"[" * 10_000, "not JSON: nested too deeply at line 1 column 215"),
        (b'{"a": ' * 10_000, "not JSON: nested too deeply at line 1 column 1207"),
        (BOM_UTF8, f"the body is empty; send {FORM}"),
        (BOM_UTF8 * 2 + body_of(GOOD), OTHER_MARK),
        ("\ufeff{}".encode("utf-16-le"), OTHER_MARK),
        ("\ufeff{}".encode("utf-16-be"), OTHER_MARK),
        (b" " + BOM_UTF8 + body_of(GOOD), "not JSON: expected value at line 1 column 2"),
        (BOM_UTF8[:2] + body_of(GOOD), "not JSON: expected value at line 1 column 1"),
        (body_of(GOOD) + BOM_UTF8, "not JSON: trailing characters at line 1 column 2518"),
        (BOM_UTF8 + body_of(GOOD)[:-40], "not JSON: EOF while parsing a list at line 1 column 2477"),
        ("{}".encode("utf-16-le"), "not JSON: key must be a string at line 1 column 2"),
    ],
)
def test_what_is_no_json_is_reported_with_its_position(body: bytes, message: str) -> None:
    """A body that is no JSON is refused with the place where it stops being that."""
    assert malformed(body) == message


@pytest.mark.parametrize(
    "unit", [b"[" * 190 + b"]" * 190, b"[]", b"{}", b'{"a": 0}', b'"a", [], {"b": 1}'], ids=repr
)
def test_millions_of_brackets_are_refused_before_they_are_parsed(unit: bytes) -> None:
    """A body that would become a tree of millions of lists and objects is refused without making it."""
    body = b'{"instances": [' + b",".join([unit] * (2_000_000 // len(unit))) + b"]}"
    tracemalloc.start()
    try:
        message = malformed(body)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(body)
    finally:
        tracemalloc.stop()
    assert message.startswith("too many lists, objects and fields: ")
    assert message.endswith("; 256 series need 259")


@pytest.mark.parametrize(("head", "tail"), [("[[", "]]"), ("[", "]"), ('[1], "x": [', "]")])
def test_millions_of_values_are_refused_before_they_are_parsed(head: str, tail: str) -> None:
    """A body of far more values than a request may have is refused without making an object of each."""
    body = f'{{"instances": {head}{"1," * 2_000_000}1{tail}}}'.encode()
    values = f"{body.count(b',') + 1:,}"
    tracemalloc.start()
    try:
        assert malformed(body) == f"too many values: {values}; 256 series of 500 have 128,000"
        assert tracemalloc.get_traced_memory()[1] < 2 * len(body)
    finally:
        tracemalloc.stop()


def test_some_values_too_many_are_reported_by_what_they_are() -> None:
    """Half as many series again, or twice as long ones: the answer names the limit that they break."""
    series = f"[{','.join(['0.25'] * 500)}]"
    body = f'{{"instances": [{",".join([series] * 384)}]}}'.encode()
    assert str(violation_of(body)) == "instances: 384 series; at most 256 a request"
    twice = f"[{','.join(['0.25'] * 1000)}]"
    body = f'{{"instances": [{",".join([twice] * 256)}]}}'.encode()
    assert violation_of(body).violations[0] == ("instances/0", "1000 values; the model takes 500")


def test_millions_of_fields_are_refused_before_they_are_parsed() -> None:
    """A body of nothing but fields is refused without making them."""
    fields = b", ".join([b'"a": 0'] * 250_000)
    assert malformed(b"{" + fields + b"}") == (
        "too many lists, objects and fields: 250,001; 256 series need 259"
    )


@pytest.mark.parametrize("value", ["NaN", "true"])
def test_a_wrong_value_past_the_limit_is_never_looked_at(value: str) -> None:
    """Series beyond the limit cost no violation each; the limit is what is told."""
    error = violation_of(body_of(*[GOOD] * 256, *[[value]] * 5000))
    assert error.violations == [("instances", "5256 series; at most 256 a request")]
    assert error.total == 1


def test_a_decoder_works_after_every_refusal() -> None:
    """A decoder keeps no state: a good body is read right after a bad one."""
    for bad in (b"", b"[" * 1000, body_of(GOOD[1:]), body_of(["1e39"] * LENGTH)):
        with pytest.raises((MalformedPayload, ContractViolation)):
            DECODE(bad)
        assert DECODE(body_of(GOOD)).series.shape == (1, LENGTH)
