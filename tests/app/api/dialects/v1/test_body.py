"""`app.api.dialects.v1.body`: what is refused, in which words and at which place."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest

from app.api.dialects.v1.body import BodyReader, Form
from app.errors import ContractViolation, MalformedPayload
from app.series.spec import SeriesSpec

LENGTH, MOST = 3, 4
READ = BodyReader(SeriesSpec(LENGTH), max_instances=MOST)
READ_CHANNELS = BodyReader(SeriesSpec(LENGTH, 2), max_instances=MOST)
GOOD = [0.5, 1, -2e3]
FLAT = "a flat list of numbers; send each series as a list of 3 numbers: [[...]]"
LOSSY = "Cannot convert JSON value: %s to float without loss of precision."
ONE = "expecting only one of 'inputs' or 'instances' keys"


def violations(body: Any, *, method: str = "predict", read: BodyReader = READ) -> list[tuple[str, str]]:
    """The violations of a document, or of a body."""
    with pytest.raises(ContractViolation) as caught:
        read(body if isinstance(body, bytes) else json.dumps(body).encode(), method)
    return caught.value.violations


def malformed(body: bytes) -> str:
    """The message for a body that is no JSON."""
    with pytest.raises(MalformedPayload) as caught:
        READ(body, "predict")
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "method", "form"),
    [
        ({"instances": [GOOD, GOOD]}, "predict", Form.ROWS),
        ({"instances": [{"series": GOOD}, {"series": GOOD}]}, "predict", Form.ROWS),
        ({"inputs": [GOOD, GOOD]}, "predict", Form.COLUMNS),
        ({"inputs": {"series": [GOOD, GOOD], "b64": "AA=="}}, "predict", Form.COLUMNS),
        ({"examples": [{"series": GOOD}, {"a": None, "series": GOOD}]}, "classify", Form.EXAMPLES),
        ({"examples": [{"series": GOOD}] * 2, "instances": 5}, "classify", Form.EXAMPLES),
        ({"instances": [GOOD, GOOD], "examples": 5, "other": {"x": [[]]}}, "predict", Form.ROWS),
        ({"instances": [GOOD, GOOD], "signature_name": "serving_default"}, "predict", Form.ROWS),
        ({"instances": [GOOD, GOOD], "n": float("nan")}, "predict", Form.ROWS),
        ({"instances": [GOOD, GOOD], '"series"\\': '"series"'}, "predict", Form.ROWS),
    ],
)
def test_each_form_is_read(body: Any, method: str, form: Form) -> None:
    """Fields that mean nothing are ignored."""
    found, values = READ(json.dumps(body).encode(), method)
    assert found is form
    np.testing.assert_array_equal(values, np.array([GOOD, GOOD], np.float64))


@pytest.mark.parametrize(
    ("body", "place", "message"),
    [
        ([GOOD], "", "expected an object, got a list"),
        (5, "", "expected an object, got a number"),
        (None, "", "expected an object, got null"),
        ({}, "", f"Missing 'inputs' or 'instances' key; {ONE}"),
        ({"examples": []}, "", f"Missing 'inputs' or 'instances' key; {ONE}"),
        ({"instances": [GOOD], "inputs": [GOOD]}, "", f"both are given; {ONE}"),
        ({"instances": []}, "instances", "no series; send at least 1"),
        ({"instances": GOOD}, "instances", FLAT),
        ({"instances": {"series": [GOOD]}}, "instances", "expected a list of series, got an object"),
        ({"instances": "AA=="}, "instances", "expected a list of series, got a string"),
        ({"instances": [GOOD] * 5}, "instances", "5 series; at most 4 a request"),
        ({"instances": ["AA=="]}, "instances[0]", "expected a list of 3 numbers, got a string"),
        ({"instances": [GOOD, GOOD[1:]]}, "instances[1]", "2 values; the model takes 3"),
        ({"instances": [[GOOD]]}, "instances[0]", "1 value; the model takes 3"),
        ({"instances": [[GOOD] * 3]}, "instances[0][0]", "expected a number, got a list"),
        (
            {"instances": [GOOD, {"series": GOOD}]},
            "instances[1]",
            "expected a list of 3 numbers, got an object",
        ),
        (
            {"instances": [{"series": GOOD}, GOOD]},
            "instances[1]",
            "expected an object as instances[0], got a list",
        ),
        ({"instances": [{"b64": "AA=="}]}, "instances[0]", "keys must be equal to: series; got b64"),
        ({"instances": [{}]}, "instances[0]", "keys must be equal to: series; got none"),
        (
            {"instances": [{"series": GOOD, "more": 1}]},
            "instances[0]",
            "keys must be equal to: series; got series, more",
        ),
        (
            {"instances": [{"series": GOOD}, {"series": [*GOOD, 1]}]},
            "instances[1].series",
            "4 values; the model takes 3",
        ),
        ({"inputs": {}}, "inputs", "Missing named input: series in 'inputs' object."),
        ({"inputs": {"b64": "AA=="}}, "inputs", "Missing named input: series in 'inputs' object."),
        ({"inputs": []}, "inputs", "no series; send at least 1"),
        ({"inputs": 0.5}, "inputs", "expected a list of series, got a number"),
        ({"inputs": GOOD}, "inputs", FLAT),
        ({"inputs": {"series": GOOD}}, "inputs.series", FLAT),
        ({"inputs": {"series": [GOOD, []]}}, "inputs.series[1]", "0 values; the model takes 3"),
        ({"inputs": [GOOD] * 5}, "inputs", "5 series; at most 4 a request"),
    ],
)
def test_what_predict_refuses_is_reported_with_its_place(body: Any, place: str, message: str) -> None:
    """In the words of the protocol."""
    assert violations(body) == [(place, message)]


@pytest.mark.parametrize(
    ("body", "place", "message"),
    [
        (
            {"instances": [GOOD]},
            "",
            "When method is classify, key 'examples' is expected and was not found",
        ),
        ({"examples": []}, "examples", "no series; send at least 1"),
        ({"examples": {}}, "examples", "expected a list of series, got an object"),
        ({"examples": [GOOD]}, "examples[0]", "Example must be JSON object but got a list"),
        ({"examples": [{"x": 1}]}, "examples[0]", "Feature: series is required but was not found"),
        ({"examples": [{"series": 1}]}, "examples[0].series", "expected a list of 3 numbers, got a number"),
        ({"examples": [{"series": [1, 2]}]}, "examples[0].series", "2 values; the model takes 3"),
        ({"examples": [{"series": [1, 2, "3"]}]}, "examples[0].series[2]", "expected a number, got a string"),
    ],
)
def test_what_classify_refuses_is_reported_with_its_place(body: Any, place: str, message: str) -> None:
    """The same rules for examples."""
    assert violations(body, method="classify") == [(place, message)]


@pytest.mark.parametrize("method", ["predict", "classify"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, "'signature_name' key must be a string value, got null"),
        (1, "'signature_name' key must be a string value, got a number"),
        (["serving_default"], "'signature_name' key must be a string value, got a list"),
        ("other", 'Serving signature name: "other" not found in signature def; use serving_default'),
        ("a\nb", 'Serving signature name: "a\\nb" not found in signature def; use serving_default'),
    ],
)
def test_there_is_one_signature(method: str, name: Any, message: str) -> None:
    """Another name is refused, and what is no name."""
    body = {"signature_name": name, "instances": [GOOD], "examples": [{"series": GOOD}]}
    assert violations(body, method=method) == [("", message)]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"instances": [[1, 2, 3]], "instances": [[1, 2, 3]]}', "instances: given 2 times; send it once"),
        (b'{"inputs": 1, "\\u0069nputs": [[1, 2, 3]]}', "inputs: given 2 times; send it once"),
        (b'{"inputs": {"series": [], "series": [[1, 2, 3]]}}', "inputs.series: given 2 times; send it once"),
        (
            b'{"instances": [{"series": [1, 2, 3]}, {"series": 1, "series": 2}]}',
            "instances[1].series: given 2 times; send it once",
        ),
        (
            b'{"instances": [[1, 2, 3]], "signature_name": "", "signature_name": ""}',
            "signature_name: given 2 times; send it once",
        ),
    ],
)
def test_a_field_that_is_given_twice_is_refused(body: bytes, message: str) -> None:
    """Readers of JSON differ in which one counts."""
    with pytest.raises(ContractViolation) as caught:
        READ(body, "predict")
    assert str(caught.value) == message


def test_fields_that_mean_nothing_may_come_twice() -> None:
    """They are ignored."""
    _, values = READ(b'{"a": 1, "instances": [[1, 2, 3]], "a": {"series": 1, "series": 2}}', "predict")
    np.testing.assert_array_equal(values, [[1.0, 2.0, 3.0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"0.5"', "expected a number, got a string"),
        ("true", "expected a number, got a boolean"),
        ("null", "expected a number, got null"),
        ("[1]", "expected a number, got a list"),
        ('{"b64": "AA=="}', "expected a number, got an object"),
        ("NaN", "NaN is not a finite number; the model takes finite numbers alone"),
        ("Infinity", "Infinity is not a finite number; the model takes finite numbers alone"),
        ("-Infinity", "-Infinity is not a finite number; the model takes finite numbers alone"),
        ("1e39", "Cannot convert JSON value: 1e+39 to float without loss of precision."),
        ("-3.4028236e38", "Cannot convert JSON value: -3.4028236e+38 to float without loss of precision."),
        ("1e400", "Number too big to be stored in double."),
        (
            "16777216",
            f"{LOSSY % 16777216} Send it as a decimal number, 16777216.0, to have it rounded",
        ),
        (
            "-9223372036854775808",
            f"{LOSSY % -(2**63)} Send it as a decimal number, {-(2**63)}.0, to have it rounded",
        ),
    ],
)
@pytest.mark.parametrize("method", ["predict", "classify"])
def test_numbers_have_tensorflow_servings_rules(text: str, message: str, method: str) -> None:
    """Each value that breaks one is reported with its place; of each series, the first."""
    if method == "predict":
        body, places = '{"instances": [[1, 2, 3], [1, %s, %s]]}', "instances[1][1]"
    else:
        body, places = (
            '{"examples": [{"series": [1, 2, 3]}, {"series": [1, %s, %s]}]}',
            "examples[1].series[1]",
        )
    assert violations((body % (text, text)).encode(), method=method) == [(places, message)]


def test_hundreds_of_digits_are_a_number_out_of_range() -> None:
    """Shown short."""
    [(place, message)] = violations(b'{"instances": [[1, 2, %b]]}' % (b"9" * 400))
    assert place == "instances[0][2]"
    assert message.startswith("Cannot convert JSON value: 99999")
    assert len(message) < 130


@pytest.mark.parametrize(
    "text",
    [
        "16777215",
        "-16777215",
        "16777216.0",
        "1.6777217e7",
        "3.4028235e38",
        "18446744073709551616",
        "-0",
        "1e-400",
    ],
)
def test_numbers_within_the_rules_are_taken(text: str) -> None:
    """Integers of up to 24 bits, decimal numbers up to float32's range, integers beyond 64 bits as such."""
    _, values = READ(f'{{"instances": [[1, 2, {text}]]}}'.encode(), "predict")
    assert values[0, 2] == float(text)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The document is empty"),
        (b" \n", "The document is empty"),
        (b"instances=1", "expected value at line 1 column 1"),
        (b'{"instances": [[0.5,\n0.5, x]]}', "expected value at line 2 column 6"),
        (b'{"instances": [[\xff]]}', "expected value at line 1 column 17"),
        (b'{"\xff": 1}', "invalid unicode code point at line 1 column 3"),
        (b"[" * 10_000, "nested too deeply at line 1 column 202"),
        (b'{"instances": [[' + b"9" * 10_000 + b"]]}", "number out of range at line 1 column 4318"),
    ],
)
def test_invalid_json_is_reported_with_its_position(body: bytes, message: str) -> None:
    """In one line."""
    assert malformed(body) == f"JSON Parse error: {message}"


@pytest.mark.parametrize("unit", [b"[]", b"{}", b'{"series": []}', b'{"a": 0}', b"1"], ids=repr)
def test_millions_of_things_are_refused_before_they_are_parsed(unit: bytes) -> None:
    """No more memory than the body has."""
    body = b'{"instances": [' + b",".join([unit] * (2_000_000 // len(unit))) + b"]}"
    tracemalloc.start()
    try:
        message = malformed(body)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(body)
    finally:
        tracemalloc.stop()
    assert message.startswith("too many ")


def test_many_violations_are_counted_and_a_few_shown() -> None:
    """Twenty, and their number."""
    read = BodyReader(SeriesSpec(LENGTH), max_instances=50)
    for body in ({"instances": [["x"] * 3] * 30}, {"instances": [{"x": 1}] * 30}):
        with pytest.raises(ContractViolation) as caught:
            read(json.dumps(body).encode(), "predict")
        assert (len(caught.value.violations), caught.value.total) == (20, 30)


STEPS = [[1, 2], [3, 4.5], [5, 6]]


@pytest.mark.parametrize(
    ("body", "method"),
    [
        ({"instances": [STEPS]}, "predict"),
        ({"instances": [{"series": STEPS}]}, "predict"),
        ({"inputs": {"series": [STEPS]}}, "predict"),
        ({"examples": [{"series": [1, 2, 3, 4.5, 5, 6]}]}, "classify"),
    ],
)
def test_series_of_several_channels_are_lists_of_time_steps(body: Any, method: str) -> None:
    """Those of examples are flat, as features are."""
    _, values = READ_CHANNELS(json.dumps(body).encode(), method)
    np.testing.assert_array_equal(values, [STEPS])


@pytest.mark.parametrize(
    ("series", "place", "message"),
    [
        ([[1, 2], [3, 4]], "", "2 time steps; the model takes 3"),
        ([1, 2, 3], "[0]", "expected a list of 2 numbers, got a number"),
        ([[1, 2], [3], [5, 6]], "[1]", "1 value; the model takes 2, one for each channel"),
        ([[1, 2], [3, 4], [5, None]], "[2][1]", "expected a number, got null"),
    ],
)
def test_time_steps_are_reported_with_their_place(series: Any, place: str, message: str) -> None:
    """Step and channel."""
    assert violations({"instances": [STEPS, series]}, read=READ_CHANNELS) == [
        (f"instances[1]{place}", message)
    ]
    named = {"instances": [{"series": series}]}
    assert violations(named, read=READ_CHANNELS) == [(f"instances[0].series{place}", message)]
