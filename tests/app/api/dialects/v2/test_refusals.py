"""`app.api.dialects.v2`: requests that are not right, each refused with its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.contract import Artifact
from qa.harness.messages import post
from tests.app.api.dialects.v2.bodies import (
    BOTH_PATHS,
    HEADER,
    INFER,
    TWO,
    answer_of,
    as_v2,
    ask,
    binary,
    error_of,
    of_document,
    tensor,
)
from tests.app.conftest import LENGTH, MAX_ROWS


def of_input(**changes: Any) -> dict[str, Any]:
    """A document whose one input is changed."""
    return {"inputs": [tensor(TWO, **changes)]}


def of_output(**changes: Any) -> dict[str, Any]:
    """A document with one output."""
    return {"inputs": [tensor(TWO)], "outputs": [{"name": "probabilities", **changes}]}


DATA = [0.0] * (2 * LENGTH)
REFUSED: list[tuple[Any, str]] = [
    ([], 'expected an object, {"inputs": [{"name": ..., "shape": [...], "datatype": ..., "data": [...]}]}'),
    ({}, "inputs: missing; send "),
    ({"inputs": {}}, "inputs: expected a list, got an object"),
    ({"inputs": []}, "inputs: no tensor; send one, named 'series'"),
    ({"inputs": [1]}, "inputs[0]: expected an object, got an integer"),
    ({"inputs": [tensor(TWO)] * 2}, "inputs[1].name: 'series' is given twice; send it once"),
    ({"inputs": [{}] * 65}, "inputs: 65 tensors; at most 64 are read"),
    (of_input(name="x"), "inputs[0].name: 'x' is no input of the model; its only input is 'series'"),
    ({"inputs": [tensor(TWO), tensor(TWO, name="y")]}, "inputs[1].name: 'y' is no input of the model"),
    (of_input(name=None), "inputs[0].name: missing; send a string"),
    (of_input(name=3), "inputs[0].name: expected a string, got an integer"),
    (of_input(datatype=None), "inputs[0].datatype: missing"),
    (of_input(datatype="BYTES"), "inputs[0].datatype: BYTES is not supported; send FP32 or other numbers"),
    (of_input(datatype="BOOL"), "inputs[0].datatype: BOOL is not supported"),
    (of_input(datatype="fp32"), "inputs[0].datatype: fp32 is not supported"),
    (of_input(shape=None), "inputs[0].shape: missing; send a list of integers"),
    (of_input(shape=[]), "inputs[0].shape: 0 dimensions"),
    (of_input(shape=[1] * 9), "inputs[0].shape: 9 dimensions"),
    (of_input(shape=[2.0, LENGTH]), "inputs[0].shape: expected integers, got a number"),
    (of_input(shape=[True, LENGTH]), "inputs[0].shape: expected integers, got a boolean"),
    (
        of_input(shape=[LENGTH]),
        "inputs[0].shape: [500] has no dimension for the number of series; send [1, 500]",
    ),
    (of_input(shape=[2, 3]), "inputs[0].shape: [2, 3]; the model takes [n, 500] or [n, 500, 1]"),
    (of_input(shape=[2, LENGTH, 2]), "inputs[0].shape: [2, 500, 2]; the model takes"),
    (of_input(shape=[0, LENGTH], data=[]), "inputs[0].shape: no series; send at least 1"),
    (of_input(shape=[-1, LENGTH]), "inputs[0].shape: [-1, 500]; the number of series is negative"),
    (of_input(shape=[9, LENGTH]), f"inputs[0].shape: 9 series; at most {MAX_ROWS} a request"),
    (of_input(shape=[2**40, LENGTH]), f"inputs[0].shape: {2**40} series; at most {MAX_ROWS} a request"),
    (
        of_input(shape=[2**62, 2**62]),
        "inputs[0].shape: [4611686018427387904, 4611686018427387904]; the model",
    ),
    (of_input(data=None), "inputs[0]: neither data nor parameters.binary_data_size; send one of them"),
    (of_input(data="x"), "inputs[0].data: expected a list, got a string"),
    (of_input(data=DATA[1:]), "inputs[0].data: 999 elements; shape [2, 500] has 1000"),
    (of_input(data=[DATA]), "inputs[0].data: 1 elements; shape [2, 500] has 2"),
    (of_input(data=[DATA[:499], DATA[:501]]), "inputs[0].data[0]: 499 elements; shape [2, 500] has 500"),
    (of_input(data=[DATA[:500], 1]), "inputs[0].data[1]: expected a list of 500 elements, got an integer"),
    (of_input(data=[*DATA[:999], [1.0]]), "inputs[0].data[999]: expected a number, got a list"),
    (of_input(data=[[], *DATA[:998], [1, 2]]), "inputs[0].data: 1000 elements; shape [2, 500] has 2"),
    (of_input(data=["1", *DATA[1:]]), "inputs[0].data[0]: expected a number, got a string"),
    (of_input(data=[*DATA[1:], None]), "inputs[0].data[999]: expected a number, got null"),
    (
        of_input(data=[DATA[:500], [*DATA[:499], True]]),
        "inputs[0].data[1][499]: expected a number, got a boolean",
    ),
    (of_input(data=[1e39, *DATA[1:]]), "inputs[0]: element [0, 0] is beyond the range of float32"),
    (
        of_input(datatype="INT8", data=[200, *[0] * 999]),
        "inputs[0]: 200 is out of range of INT8: -128 to 127",
    ),
    (of_input(datatype="INT32", data=DATA), "inputs[0].data[0]: expected an integer, got a number"),
    (
        of_input(datatype="UINT8", data=[-1, *[0] * 999]),
        "inputs[0].data: an element is out of range of UINT8",
    ),
    (
        of_input(parameters={"binary_data_size": 4000}),
        "inputs[0]: both data and parameters.binary_data_size; send one of them",
    ),
    (
        of_input(data=None, parameters={"binary_data_size": 4000}),
        "inputs[0].parameters.binary_data_size: binary data needs the header Inference-Header-Content-Length",
    ),
    (
        of_input(parameters={"binary_data_size": -1}),
        "inputs[0].parameters.binary_data_size: -1; send 0 or more",
    ),
    (of_input(parameters=[]), "inputs[0].parameters: expected an object, got a list"),
    (
        of_input(parameters={"shared_memory_region": "x"}),
        "inputs[0].parameters.shared_memory_region: shared memory is not supported",
    ),
    ({**of_output(), "outputs": {}}, "outputs: expected a list, got an object"),
    (of_output(name="x"), "outputs[0].name: 'x' is no output of the model; it has 'probabilities', 'label'"),
    (of_output(name="ood_score"), "outputs[0].name: 'ood_score' is no output of the model"),
    (of_output(name=None), "outputs[0].name: missing; send a string"),
    (of_output(parameters={"binary_data": 1}), "outputs[0].parameters.binary_data: expected true or false"),
    (
        of_output(parameters={"classification": -1}),
        "outputs[0].parameters.classification: -1; send 0 or more",
    ),
    (
        of_output(parameters={"classification": True}),
        "outputs[0].parameters.classification: expected an integer",
    ),
    (
        of_output(name="label", parameters={"classification": 1}),
        "outputs[0].parameters.classification: 'label' has no scores of classes; ask for it with ",
    ),
    (
        of_output(parameters={"shared_memory_region": "x"}),
        "outputs[0].parameters.shared_memory_region: shared memory is not supported",
    ),
    ({**of_input(), "id": 1}, "id: expected a string, got an integer"),
    ({**of_input(), "parameters": []}, "parameters: expected an object, got a list"),
    ({**of_input(), "parameters": {"timeout": -1}}, "parameters.timeout: -1; send 0 or more"),
    ({**of_input(), "parameters": {"timeout": "5"}}, "parameters.timeout: expected an integer, got a string"),
    (
        {**of_input(), "parameters": {"binary_data_output": 1}},
        "parameters.binary_data_output: expected true or",
    ),
    ({**of_input(), **{f"x{i}": 0 for i in range(100)}}, "101 fields; at most 100 are read"),
]


def test_what_is_not_right_is_refused_with_its_place(plain_artifact: Artifact) -> None:
    """400 with the place in the request, what is wrong and, where that is not plain, what to do."""
    responses = ask(plain_artifact, *(of_document(document) for document, _ in REFUSED))
    for response, (_, words) in zip(responses, REFUSED, strict=True):
        assert error_of(response, 400).startswith(words)


@BOTH_PATHS
def test_a_refusal_is_the_same_on_both_paths(plain_artifact: Artifact, target: str) -> None:
    """In the protocol's form, with the headers of every response, and the connection stays open."""
    bad = of_document(of_input(shape=[2, 3]), target=target)
    first, second = ask(plain_artifact, bad, post(as_v2(TWO), target=target))
    assert error_of(first, 400) == "inputs[0].shape: [2, 3]; the model takes [n, 500] or [n, 500, 1]"
    assert first.headers["x-request-id"]
    assert first.headers["x-content-type-options"] == "nosniff"
    assert second.status == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is empty; send "),
        (b"  ", "the body is empty; send "),
        (b'{"inputs": [', "not JSON: EOF while parsing a list at line 1 column 12"),
        (b'{"inputs": NaN}', "not JSON: expected value at line 1 column 12"),
        (b'{"inputs": [1e400]}', "not JSON that can be read: a number is not valid, beyond float64"),
        (b'{"inputs": ' + b"[" * 3000, "not JSON: nested too deeply"),
        (b'{"inputs": ["\xff"]}', "not JSON: invalid unicode code point"),
        (b'{"id": "a", "id": "b", "inputs": []}', "id: given twice; send it once"),
        (b'{"inputs": [{"name": "a", "name": "b"}]}', "inputs[0].name: given twice; send it once"),
        (b"[" * 80_000, "not JSON: commas, brackets, quotes or names are missing or superfluous"),
    ],
)
def test_what_is_no_json_is_refused(plain_artifact: Artifact, body: bytes, words: str) -> None:
    """400, never the 500 of other servers."""
    [response] = ask(plain_artifact, post(body, target=INFER))
    assert error_of(response, 400).startswith(words)


def test_a_byte_order_mark_is_ignored(plain_artifact: Artifact) -> None:
    """PowerShell writes one."""
    [response] = ask(plain_artifact, post(b"\xef\xbb\xbf" + as_v2(TWO), target=INFER))
    assert answer_of(response).texts("label") == ["1", "-1"]


@BOTH_PATHS
@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("-1", "Inference-Header-Content-Length is '-1', not a number of bytes"),
        ("1e3", "Inference-Header-Content-Length is '1e3', not a number of bytes"),
        ("9" * 30, "Inference-Header-Content-Length is '999999999999999999999999999999', not a number"),
        ("99999", "Inference-Header-Content-Length is 99999; the body has "),
        (str(len(as_v2(TWO)) + 1), "Inference-Header-Content-Length is "),
        ("5", "not JSON: "),
    ],
)
def test_a_wrong_header_length_is_refused(
    plain_artifact: Artifact, target: str, size: str, words: str
) -> None:
    """With what it says and what is there."""
    [response] = ask(plain_artifact, post(as_v2(TWO), [(HEADER, size)], target=target))
    assert error_of(response, 400).startswith(words)


def test_wrong_sizes_of_binary_data_are_refused(plain_artifact: Artifact) -> None:
    """Too few bytes, too many, another size than the shape has, and data where none belong."""
    document = as_v2(TWO)
    few, many, other, stray, twice = ask(
        plain_artifact,
        binary(TWO, size=4004),
        binary(TWO, size=0),
        binary(TWO[:, :-1].copy(), "FP32"),
        post(document + b"1234", [(HEADER, str(len(document)))], target=INFER),
        post(document, [(HEADER, "1"), (HEADER, "2")], target=INFER),
    )
    assert error_of(few, 400) == "4000 bytes follow the JSON; inputs[0] says that it has 4004"
    assert error_of(many, 400) == "4000 bytes follow the JSON; inputs[0] says that it has 0"
    assert error_of(other, 400).startswith("inputs[0].shape: [2, 499]; the model takes")
    assert error_of(stray, 400) == "4 bytes follow the JSON; inputs[0] says that it has 0"
    assert error_of(twice, 400).startswith("Inference-Header-Content-Length is sent more than once")


def test_a_size_of_binary_data_is_that_of_its_shape(plain_artifact: Artifact) -> None:
    """FP64 data that are declared FP32, say."""
    wide = TWO.astype("<f8")
    [response] = ask(plain_artifact, binary(wide, "FP32"))
    assert error_of(response, 400) == "inputs[0]: 8000 bytes; FP32 [2, 500] has 4000"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_binary_data_that_are_not_finite_are_refused(plain_artifact: Artifact, value: float) -> None:
    """With the place of the first, and how many there are."""
    values = TWO.copy()
    values[1, 3:5] = value
    [response] = ask(plain_artifact, binary(values))
    assert error_of(response, 400) == "inputs[0]: element [1, 3] is not a finite number (and 1 more)"


def test_json_after_a_header_length_is_json(plain_artifact: Artifact) -> None:
    """A header length without binary data changes nothing."""
    document = as_v2(TWO)
    [response] = ask(plain_artifact, post(document, [(HEADER, str(len(document)))], target=INFER))
    assert answer_of(response).texts("label") == ["1", "-1"]
