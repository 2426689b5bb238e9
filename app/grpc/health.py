"""The standard health service, `grpc.health.v1`: the same answer for every service name, as Triton gives."""

from __future__ import annotations

import asyncio

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from app.errors import NotReady
from app.grpc.calls import STOPPING, Call, Calls
from app.grpc.server import Handler
from app.inference.versions import ModelVersions

SERVICE = "grpc.health.v1.Health"
# Interval in which `Watch` looks for a change.
WATCH_SECONDS = 0.5


class Health:
    """Reports whether the server is ready.

    Args:
        calls: makes handlers.
        versions: of the model.
        stopping: set when the server stops; calls of `Watch` end then.
    """

    def __init__(self, calls: Calls, versions: ModelVersions, stopping: asyncio.Event) -> None:
        self._calls = calls
        self._versions = versions
        self._stopping = stopping

    def methods(self) -> dict[str, Handler]:
        """The handlers, which need no API key."""
        return {
            f"{SERVICE}/Check": self._calls.unary(f"{SERVICE}/Check", self._check, is_open=True),
            f"{SERVICE}/Watch": self._calls.streaming(f"{SERVICE}/Watch", self._watch, is_open=True),
        }

    async def _check(self, call: Call) -> bytes:
        await self._calls.read(call, HealthCheckRequest)
        return self._status()

    async def _watch(self, call: Call) -> None:
        await self._calls.read(call, HealthCheckRequest)
        sent = b""
        while not self._stopping.is_set():
            if (status := self._status()) != sent:
                await call.context.write(status)
                sent = status
            try:
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._stopping.wait()
            except TimeoutError:
                pass
        raise NotReady(STOPPING)

    def _status(self) -> bytes:
        is_ready = self._versions.status().ready
        status = HealthCheckResponse.SERVING if is_ready else HealthCheckResponse.NOT_SERVING
        content: bytes = HealthCheckResponse(status=status).SerializeToString()
        return content
