"""The requests that are compared, in each protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.peers.bodies import Array, Request, instances, npy, rounded, v2_binary

INFER = "/v2/models/forda/infer"
CONNECTIONS = 32


def v2_json(series: Array, *, only: str = "") -> Request:
    """The Open Inference Protocol's JSON, with one output or with all."""
    data = [value for row in rounded(series) for value in row]
    tensor = {"name": "series", "shape": list(series.shape), "datatype": "FP32", "data": data}
    document: dict[str, object] = {"inputs": [tensor]}
    if only:
        document["outputs"] = [{"name": only}]
    return Request(INFER, json.dumps(document).encode(), {"Content-Type": "application/json"})


def grpc_message(series: Array) -> bytes:
    """A serialized ModelInferRequest with raw contents, for one output."""
    from app.grpc.generated.inference_pb2 import ModelInferRequest

    request = ModelInferRequest(model_name="forda")
    request.inputs.add(name="series", datatype="FP32", shape=series.shape)
    request.outputs.add(name="probabilities")
    request.raw_input_contents.append(np.ascontiguousarray(series, "<f4").tobytes())
    message: bytes = request.SerializeToString()
    return message


class Load(NamedTuple):
    """Requests of so many series.

    Attributes:
        key: name in records.
        series: in each request.
        make: the request.
        of_triton: whether Triton gets it, too.
    """

    key: str
    series: int
    make: Callable[[Array], Request]
    of_triton: bool = False


LOADS = (
    Load("native json", 1, lambda series: instances("/predict", series)),
    Load("v2 json", 1, v2_json),
    Load("v1 json", 1, lambda series: instances("/v1/models/forda:predict", series)),
    Load("v2 json, one output", 1, lambda series: v2_json(series, only="probabilities"), of_triton=True),
    Load("native npy", 256, lambda series: npy("/predict", series)),
    Load("v2 binary", 256, lambda series: v2_binary(INFER, series), of_triton=True),
)
NATIVE = LOADS[0]
GRPC = "grpc"
