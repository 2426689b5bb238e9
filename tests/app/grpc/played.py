"""A gRPC server on a port of this process, with an engine that the test controls, and its client."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from fastapi import FastAPI
from grpc import StatusCode
from numpy.typing import NDArray

from app.contract import Artifact
from app.grpc.generated.inference_pb2 import (
    InferParameter,
    InferTensorContents,
    ModelInferRequest,
    ModelInferResponse,
)
from app.grpc.generated.inference_pb2_grpc import GRPCInferenceServiceStub
from app.grpc.server import GrpcServer
from app.inference.service import Service
from app.main import create_app
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.telemetry.tracing.traces import Traces
from tests.app.conftest import MAX_BODY, MAX_ROWS, REQUEST_TIMEOUT
from tests.app.inference.test_service import until
from tests.support.fakes import FakeEngine, Predict, by_first_value

SERVICE = "inference.GRPCInferenceService"
INFER = f"{SERVICE}/ModelInfer"


@dataclass
class Played:
    """A server and its client.

    Attributes:
        app: with both servers; HTTP does not listen.
        server: the one for gRPC.
        service: the only version.
        engine: of it.
        may_load: set when the engine may be loaded.
        metrics: of the app.
        channel: of the client.
        stub: of the client.
    """

    app: FastAPI
    server: GrpcServer
    service: Service
    engine: FakeEngine
    may_load: threading.Event
    metrics: Metrics
    channel: Any
    stub: Any

    def sample(self, name: str, **labels: str) -> float:
        """The value of a metric; 0 without one."""
        self.metrics.flush()
        return self.metrics._registry.get_sample_value(f"timeseries_{name}", labels) or 0.0


@asynccontextmanager
async def playing(
    artifact: Artifact,
    predict: Predict = by_first_value,
    *,
    wait: bool = True,
    traces: Traces | None = None,
    **settings: Any,
) -> AsyncIterator[Played]:
    """A server with a fake engine and small limits.

    It is ready; without `wait`, it still loads until `may_load` is set.
    """
    engine, metrics = FakeEngine(predict, max_rows=MAX_ROWS), Metrics()
    may_load = threading.Event()

    def load() -> FakeEngine:
        assert may_load.wait(timeout=60), "a test held the load and never let it go"
        return engine

    service = Service(
        artifact,
        load,
        max_batch_rows=MAX_ROWS,
        max_queue_rows=MAX_ROWS,
        observer=metrics.observer(artifact.contract.version),
        predictions=metrics.predictions,
    )
    limits = {
        "max_batch_rows": MAX_ROWS,
        "max_queue_rows": MAX_ROWS,
        "max_body_bytes": MAX_BODY,
        "request_timeout": REQUEST_TIMEOUT,
    }
    app = create_app(Settings(**{"grpc_port": 0, **limits, **settings}), service, traces, metrics)
    server = app.state.grpc
    async with app.router.lifespan_context(app):
        if wait:
            may_load.set()
            await until(lambda: service.status().ready)
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            try:
                stub = GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
                yield Played(app, server, service, engine, may_load, metrics, channel, stub)
            finally:
                may_load.set()
                engine.release()


def series(*first_values: float) -> NDArray[np.float32]:
    """Series that differ in their first value."""
    array = np.zeros((len(first_values), 500), np.float32)
    array[:, 0] = first_values
    return array


def raw_request(
    values: NDArray[Any] | bytes,
    *,
    datatype: str = "FP32",
    shape: tuple[int, ...] | None = None,
    **fields: Any,
) -> ModelInferRequest:
    """A request with raw contents; by default of the committed model."""
    data = values if isinstance(values, bytes) else values.tobytes()
    if shape is None:
        assert not isinstance(values, bytes)
        shape = values.shape
    tensor = ModelInferRequest.InferInputTensor(name="series", datatype=datatype, shape=shape)
    return ModelInferRequest(
        **{"model_name": "forda", "inputs": [tensor], "raw_input_contents": [data], **fields}
    )


def typed_request(shape: tuple[int, ...], datatype: str = "FP32", **contents: Any) -> ModelInferRequest:
    """A request whose elements are in the fields of their datatypes."""
    tensor = ModelInferRequest.InferInputTensor(
        name="series", datatype=datatype, shape=shape, contents=InferTensorContents(**contents)
    )
    return ModelInferRequest(model_name="forda", inputs=[tensor])


def parameters(**values: bool | int | str | float) -> dict[str, InferParameter]:
    """Parameters, as clients send them."""
    kinds = {bool: "bool_param", int: "int64_param", str: "string_param", float: "double_param"}
    found = {name: InferParameter() for name in values}
    for name, value in values.items():
        setattr(found[name], kinds[type(value)], value)
    return found


def probabilities(response: ModelInferResponse) -> NDArray[np.float32]:
    """The output `probabilities` of a response."""
    return output(response, "probabilities", np.float32)


def output(response: ModelInferResponse, name: str, dtype: Any) -> NDArray[Any]:
    """An output of a response, read as clients read it."""
    [(index, tensor)] = [(at, each) for at, each in enumerate(response.outputs) if each.name == name]
    return np.frombuffer(response.raw_output_contents[index], dtype).reshape(tuple(tensor.shape))


async def refusal(call: Any) -> tuple[StatusCode, str]:
    """Code and details of a call that fails."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    raise AssertionError(f"no error, but {answer}")
