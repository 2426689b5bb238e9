"""Joins the parts of the gRPC server of a process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.api.middleware.auth import ApiKeyAuth
from app.api.predict import Predictor
from app.grpc.calls import Calls
from app.grpc.health import Health
from app.grpc.infer import Inference
from app.grpc.models import Models
from app.grpc.recorder import CallRecorder
from app.grpc.server import GrpcServer
from app.telemetry.metrics import Metrics

if TYPE_CHECKING:  # it needs the SDK, which is there where traces are wanted
    from app.telemetry.tracing.traces import Traces


def assemble(
    predictor: Predictor,
    metrics: Metrics,
    *,
    host: str,
    port: int,
    auth: ApiKeyAuth | None,
    access_log: bool,
    traces: Traces | None,
    max_bytes_in_flight: int,
    max_connections: int,
) -> GrpcServer:
    """Make the gRPC server of this process, which does not listen yet.

    Args:
        predictor: shared with HTTP.
        metrics: of all workers.
        host: to listen at, as in `app.system.address.resolve`.
        port: to listen on; 0 for any free port.
        auth: checks API keys; None if none is needed.
        access_log: log a line for each call.
        traces: record each call; None without tracing.
        max_bytes_in_flight: of messages that are being received; 0 for no limit.
        max_connections: to this worker; 0 for no limit.
    """
    stopping, versions = asyncio.Event(), predictor.versions
    recorder = CallRecorder(metrics, access_log=access_log, traces=traces)
    calls = Calls(
        predictor.limits, recorder, auth=auth, max_bytes_in_flight=max_bytes_in_flight, stopping=stopping
    )
    return GrpcServer(
        {
            **Health(calls, versions, stopping).methods(),
            **Models(calls, versions, metrics).methods(),
            **Inference(calls, predictor, stopping).methods(),
        },
        stopping=stopping,
        host=host,
        port=port,
        max_message_bytes=predictor.limits.max_body_bytes,
        max_connections=max_connections,
    )
