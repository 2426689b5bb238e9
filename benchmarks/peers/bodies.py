"""Requests as clients write them, and parsers of responses. JSON numbers have six significant digits."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from qa.harness.messages import as_npy

Array = NDArray[np.float32]


class Form(StrEnum):
    """The format of the numbers."""

    JSON = "JSON"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Request:
    """A POST, for any client."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def raw(self, port: int) -> bytes:
        """The bytes of the request to a server on this machine."""
        headers = {"Host": f"127.0.0.1:{port}", **self.headers, "Content-Length": str(len(self.body))}
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join((*lines, "", "")).encode() + self.body


def rounded(series: Array) -> list[list[float]]:
    """The numbers with the digits that are sent."""
    return [[float(f"{value:.6g}") for value in row] for row in series]


def instances(path: str, series: Array, *, media_type: str = "application/json") -> Request:
    """`{"instances": [[...], ...]}`."""
    body = json.dumps({"instances": rounded(series)}).encode()
    return Request(path, body, {"Content-Type": media_type})


def npy(path: str, series: Array, *, media_type: str = "application/x-npy") -> Request:
    """A .npy file; the response is one, too."""
    return Request(path, as_npy(series), {"Content-Type": media_type, "Accept": media_type})


def v2_json(path: str, series: Array) -> Request:
    """The Open Inference Protocol's JSON: a flat list."""
    data = [value for row in rounded(series) for value in row]
    tensor = {"name": "series", "shape": list(series.shape), "datatype": "FP32", "data": data}
    return Request(path, json.dumps({"inputs": [tensor]}).encode(), {"Content-Type": "application/json"})


def v2_binary(path: str, series: Array) -> Request:
    """Its binary extension: a JSON header, then the raw numbers."""
    numbers = np.ascontiguousarray(series, "<f4").tobytes()
    header = json.dumps(
        {
            "inputs": [
                {
                    "name": "series",
                    "shape": list(series.shape),
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": len(numbers)},
                }
            ],
            "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
        }
    ).encode()
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(header)),
    }
    return Request(path, header + numbers, headers)


def read_probabilities(content: bytes) -> Array:
    """`{"probabilities": [[...], ...]}`, or a .npy file."""
    if content.startswith(b"\x93NUMPY"):
        return np.asarray(np.load(io.BytesIO(content), allow_pickle=False), np.float32)
    return np.array(json.loads(content)["probabilities"], np.float32)


def read_v2(content: bytes, headers: Message) -> Array:
    """A response of the Open Inference Protocol in either format."""
    length = int(headers.get("inference-header-content-length", len(content)))
    outputs = json.loads(content[:length])["outputs"]
    output = next(output for output in outputs if output["name"] == "probabilities")
    values = output["data"] if "data" in output else np.frombuffer(content[length:], "<f4")
    return np.array(values, np.float32).reshape(output["shape"])
