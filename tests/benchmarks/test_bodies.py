"""Requests and answers of every server's own form."""

from __future__ import annotations

import io
import json
from email.message import Message

import numpy as np
import pytest

from benchmarks.peers.bodies import (
    Array,
    Request,
    instances,
    npy,
    read_probabilities,
    read_v2,
    v2_binary,
    v2_json,
)

PROBABILITIES = np.array([[0.25, 0.75], [1.0, 0.0]], np.float32)


@pytest.fixture
def series() -> Array:
    """Two short series."""
    return np.array([[0.1234567, -2.0, 3e-7], [1e6, 0.0, 5.5]], np.float32)


def test_json_has_six_significant_digits(series: Array) -> None:
    """A client does not send the digits that float32 does not have."""
    request = instances("/predict", series)
    assert json.loads(request.body) == {"instances": [[0.123457, -2.0, 3e-7], [1e6, 0.0, 5.5]]}
    assert request.headers["Content-Type"] == "application/json"


def test_an_npy_body_is_what_numpy_reads(series: Array) -> None:
    """The series come out bit by bit, and the same form is wanted in return."""
    request = npy("/predict", series)
    np.testing.assert_array_equal(np.load(io.BytesIO(request.body)), series)
    assert request.headers["Accept"] == request.headers["Content-Type"]


def test_the_v2_json_is_flat_and_has_a_shape(series: Array) -> None:
    """The Open Inference Protocol gives the shape beside the numbers."""
    (tensor,) = json.loads(v2_json("/infer", series).body)["inputs"]
    assert tensor["shape"] == [2, 3]
    np.testing.assert_allclose(np.reshape(tensor["data"], (2, 3)), series, rtol=1e-5)


def test_the_v2_binary_form_says_where_the_numbers_start(series: Array) -> None:
    """The header's length is in the HTTP header, the numbers' in the JSON."""
    request = v2_binary("/infer", series)
    length = int(request.headers["Inference-Header-Content-Length"])
    (tensor,) = json.loads(request.body[:length])["inputs"]
    assert tensor["parameters"]["binary_data_size"] == len(request.body) - length
    np.testing.assert_array_equal(np.frombuffer(request.body[length:], "<f4").reshape(2, 3), series)


def test_probabilities_are_read_from_json_and_npy() -> None:
    """Whichever form the answer has."""
    file = io.BytesIO()
    np.save(file, PROBABILITIES)
    for content in (json.dumps({"probabilities": PROBABILITIES.tolist()}).encode(), file.getvalue()):
        np.testing.assert_array_equal(read_probabilities(content), PROBABILITIES)


def test_v2_answers_are_read_in_both_forms() -> None:
    """Numbers in the JSON, or behind it."""
    output = {"name": "probabilities", "shape": [2, 2], "datatype": "FP32"}
    inline = json.dumps({"outputs": [{**output, "data": PROBABILITIES.ravel().tolist()}]}).encode()
    np.testing.assert_array_equal(read_v2(inline, Message()), PROBABILITIES)
    head = json.dumps({"outputs": [output]}).encode()
    headers = Message()
    headers["Inference-Header-Content-Length"] = str(len(head))
    np.testing.assert_array_equal(read_v2(head + PROBABILITIES.tobytes(), headers), PROBABILITIES)


def test_a_raw_request_is_whole_http() -> None:
    """The head ends where the body starts, and states its length."""
    raw = Request("/predict", b"body", {"Content-Type": "text/plain"}).raw(8000)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n")
    assert head.endswith(b"Content-Length: 4")
    assert body == b"body"
