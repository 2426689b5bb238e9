"""gRPC of real server processes: shutdown, workers, keys, the port."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from typing import Any

import grpc
import numpy as np
from grpc import StatusCode
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from app.contract import Artifact
from app.grpc.generated.inference_pb2 import ModelInferRequest
from app.grpc.generated.inference_pb2_grpc import GRPCInferenceServiceStub
from qa.harness.http_client import HOST
from qa.harness.server import ServerProcess, free_port, running_server
from tests.app.grpc.played import output, raw_request

# Connections of their own: channels to one address would share one.
ALONE = [("grpc.use_local_subchannel_pool", 1)]


def stub_of(channel: grpc.aio.Channel) -> Any:
    """A client of the protocol."""
    return GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]


def one(forda: Artifact, index: int = 0) -> ModelInferRequest:
    """A request with one golden series."""
    return raw_request(forda.golden.series[index : index + 1])


def test_golden_answers_over_grpc(artifact: Artifact) -> None:
    """Every golden series alone and all together, as the model was sealed with."""
    port = free_port()

    async def scenario() -> None:
        series, expected = artifact.golden.series, artifact.golden.probabilities
        async with grpc.aio.insecure_channel(f"{HOST}:{port}") as channel:
            stub = stub_of(channel)
            alone = [stub.ModelInfer(one(artifact, at)) for at in range(len(series))]
            found = [output(await call, "probabilities", np.float32) for call in alone]
            np.testing.assert_allclose(
                np.concatenate(found), expected, atol=artifact.contract.output.tolerance
            )
            together = output(await stub.ModelInfer(raw_request(series)), "probabilities", np.float32)
            np.testing.assert_allclose(together, expected, atol=artifact.contract.output.tolerance)

    with running_server(GRPC_PORT=str(port)):
        asyncio.run(scenario())


def test_sigterm_under_load_answers_every_call_or_says_unavailable() -> None:
    """Health turns at once, calls are answered for DRAIN_DELAY more, then clients are sent away."""
    port = free_port()

    async def call(request: ModelInferRequest, codes: list[StatusCode]) -> None:
        async with grpc.aio.insecure_channel(f"{HOST}:{port}", ALONE) as channel:
            stub = stub_of(channel)
            while StatusCode.OK is (code := await stub.ModelInfer(request, timeout=30).code()):
                codes.append(code)
            codes.append(code)

    async def scenario(server: ServerProcess) -> None:
        request = raw_request(np.zeros((1, 500), np.float32))
        codes: list[StatusCode] = []
        callers = [asyncio.create_task(call(request, codes)) for _ in range(4)]
        async with grpc.aio.insecure_channel(f"{HOST}:{port}", ALONE) as channel:
            health = HealthStub(channel)
            assert (await health.Check(HealthCheckRequest())).status == HealthCheckResponse.SERVING
            while (answered := len(codes)) <= 10:
                await asyncio.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            signalled = time.monotonic()
            while (await health.Check(HealthCheckRequest())).status == HealthCheckResponse.SERVING:
                await asyncio.sleep(0.01)
            assert time.monotonic() - signalled < 1.5
            while StatusCode.UNAVAILABLE not in codes:
                await asyncio.sleep(0.01)
            assert time.monotonic() - signalled >= 1.5
        await asyncio.gather(*callers)
        assert codes.count(StatusCode.OK) > answered
        assert codes.count(StatusCode.UNAVAILABLE) == len(codes) - codes.count(StatusCode.OK) == len(callers)

    with running_server(GRPC_PORT=str(port), WORKERS="2", DRAIN_DELAY="1.5") as server:
        server.wait_for_metric("timeseries_ready_workers", 2)
        asyncio.run(scenario(server))
        assert server.process.wait(timeout=60) == 0


def test_workers_share_the_port_by_connections(artifact: Artifact) -> None:
    """Each connection stays with one worker; of 32 at once, each of two workers gets some."""
    port = free_port()

    async def scenario() -> None:
        async def connect() -> None:
            async with grpc.aio.insecure_channel(f"{HOST}:{port}", ALONE) as channel:
                await stub_of(channel).ModelInfer(one(artifact))
                await asyncio.sleep(0.5)

        await asyncio.gather(*(connect() for _ in range(32)))

    with running_server(GRPC_PORT=str(port), WORKERS="2", LOG_FORMAT="text", ACCESS_LOG="true") as server:
        server.wait_for_metric("timeseries_ready_workers", 2)
        asyncio.run(scenario())
        text = server.log.read_text(encoding="utf-8")
        assert server.metric('timeseries_grpc_requests_total{code="OK"') == 32
    lines = [line for line in text.splitlines() if "ModelInfer OK" in line]
    workers = [re.search(r"worker (\d)", line) for line in lines]
    assert {match[1] for match in workers if match} == {"1", "2"}, lines[:3]


def test_a_port_that_another_server_has() -> None:
    """A second server does not silently share the port, and says which setting to change."""
    port = free_port()
    with running_server(GRPC_PORT=str(port)):
        command = [sys.executable, "-m", "app", "serve"]
        environment = {**os.environ, "HOST": HOST, "PORT": str(free_port()), "GRPC_PORT": str(port)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert f"GRPC_PORT={port}: another process listens on this port" in done.stderr
    assert "set another GRPC_PORT" in done.stderr
