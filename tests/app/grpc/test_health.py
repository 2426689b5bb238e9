"""`app.grpc.health`: the standard health service."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from app.contract import Artifact
from tests.app.grpc.played import Played, playing

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


def stub_of(played: Played) -> Any:
    """A client of the health service."""
    return HealthStub(played.channel)


def test_check_answers_for_any_service(plain_artifact: Artifact) -> None:
    """Kubernetes' probe sends "", others a service or a model; not ready is no error of the call."""

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            for expected in (SERVING, NOT_SERVING):
                for service in ("", "inference.GRPCInferenceService", "forda"):
                    found = await stub_of(played).Check(HealthCheckRequest(service=service))
                    assert found.status == expected
                played.service.drain()

    asyncio.run(scenario())


def test_a_server_that_starts_is_not_serving(plain_artifact: Artifact) -> None:
    """Before the model is loaded, as for probes during a start."""

    async def scenario() -> None:
        async with playing(plain_artifact, wait=False) as played:
            assert (await stub_of(played).Check(HealthCheckRequest())).status == NOT_SERVING
            played.may_load.set()
            while (await stub_of(played).Check(HealthCheckRequest())).status != SERVING:
                await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_watch_reports_each_change_and_ends_with_the_server(
    plain_artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state at once, then each change; a watch does not keep a server from stopping."""
    monkeypatch.setattr("app.grpc.health.WATCH_SECONDS", 0.01)

    async def scenario() -> None:
        async with playing(plain_artifact) as played:
            watch = stub_of(played).Watch(HealthCheckRequest())
            assert (await watch.read()).status == SERVING
            played.service.drain()
            assert (await watch.read()).status == NOT_SERVING
            await asyncio.wait_for(played.server.stop(grace=60), 30)
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await watch.read()
            assert error.value.code() is StatusCode.UNAVAILABLE

    asyncio.run(scenario())
