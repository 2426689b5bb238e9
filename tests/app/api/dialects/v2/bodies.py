"""Requests in the form of the Open Inference Protocol, and its responses, for tests."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact
from qa.harness.messages import Response, post
from tests.app.conftest import series
from tests.app.http.played import play, serving
from tests.support.fakes import FakeEngine

INFER = "/v2/models/forda/infer"
HEADER = "Inference-Header-Content-Length"
BOTH_PATHS = pytest.mark.parametrize("target", [INFER, f"{INFER}?"], ids=["fast", "framework"])
TWO = series(1.0, -2.0)
DTYPES = {"FP32": "<f4", "BOOL": "?"}


class Answer(NamedTuple):
    """A response: its document, and its binary data by the names of outputs."""

    document: dict[str, Any]
    binary: dict[str, bytes]

    def output(self, name: str) -> dict[str, Any]:
        """An output of the document."""
        [found] = [each for each in self.document["outputs"] if each["name"] == name]
        return dict(found)

    def array(self, name: str) -> NDArray[Any]:
        """An output of numbers, from JSON or binary data, in its shape."""
        output = self.output(name)
        dtype = DTYPES[output["datatype"]]
        if name in self.binary:
            return np.frombuffer(self.binary[name], dtype).reshape(output["shape"])
        return np.array(output["data"], dtype).reshape(output["shape"])

    def texts(self, name: str) -> list[str]:
        """An output of BYTES, from JSON or binary data."""
        data = self.binary.get(name)
        if data is None:
            return list(self.output(name)["data"])
        found = []
        while data:
            size = int.from_bytes(data[:4], "little")
            found.append(data[4 : 4 + size].decode())
            data = data[4 + size :]
        return found


def tensor(values: NDArray[Any], datatype: str = "FP32", **changes: Any) -> dict[str, Any]:
    """An input in JSON; changes of None remove a field."""
    found = {
        "name": "series",
        "shape": list(values.shape),
        "datatype": datatype,
        "data": [value.item() for value in values.ravel()],
    }
    return {name: value for name, value in {**found, **changes}.items() if value is not None}


def as_v2(values: NDArray[Any], datatype: str = "FP32", **fields: Any) -> bytes:
    """A request in JSON, with other fields."""
    return json.dumps({"inputs": [tensor(values, datatype)], **fields}).encode()


def of_document(document: Any, *, target: str = INFER) -> bytes:
    """A request with any document."""
    return post(json.dumps(document).encode(), target=target)


def binary(
    values: NDArray[Any],
    datatype: str = "FP32",
    *,
    target: str = INFER,
    size: int | None = None,
    **fields: Any,
) -> bytes:
    """A request with binary data."""
    data = values.tobytes()
    declared = {"binary_data_size": len(data) if size is None else size}
    document = {"inputs": [tensor(values, datatype, data=None, parameters=declared)], **fields}
    head = json.dumps(document).encode()
    return post(head + data, [(HEADER, str(len(head)))], target=target)


def answer_of(response: Response) -> Answer:
    """The parts of a response 200, whose headers say what it is."""
    assert response.status == 200, response
    size = response.headers.get(HEADER.lower())
    media_type = "application/json" if size is None else "application/octet-stream"
    assert response.headers["content-type"] == media_type
    head, rest = (
        (response.body, b"") if size is None else (response.body[: int(size)], response.body[int(size) :])
    )
    document, found = json.loads(head), {}
    for output in document["outputs"]:
        if "parameters" in output:
            length = output["parameters"]["binary_data_size"]
            found[output["name"]], rest = rest[:length], rest[length:]
        assert ("data" in output) == ("parameters" not in output)
    assert not rest
    return Answer(document, found)


def error_of(response: Response, status: int) -> str:
    """The words of an error, which is in the protocol's form to the letter."""
    assert response.status == status, response
    assert response.headers["content-type"] == "application/json"
    document = json.loads(response.body)
    assert list(document) == ["error"]
    return str(document["error"])


def ask(
    artifact: Artifact, *requests: bytes, engine: FakeEngine | None = None, **settings: Any
) -> list[Response]:
    """The responses to requests on one connection."""
    found: list[Response] = []

    async def scenario() -> None:
        async with serving(artifact, engine or FakeEngine(), **settings) as played:
            connection = played.connect()
            found.extend([await connection.ask(request) for request in requests])

    play(scenario())
    return found
