"""The server's app inside a replica of Ray Serve. Imports nothing of Ray."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

from app.errors import AppError
from app.inference.status import State
from app.main import create_app
from app.settings import Settings
from app.telemetry import logs

_POLL_SECONDS = 0.01


class GrpcNotServed(AppError):
    """GRPC_PORT is set, and a replica of Ray Serve has no port of its own."""


class ReplicaUnhealthy(AppError):
    """The replica cannot serve; the message has the reasons that `/livez` would give."""


def replica_settings() -> Settings:
    """The settings of a replica, from the environment: one worker, because Ray makes the processes.

    Raises:
        GrpcNotServed: GRPC_PORT is set.
    """
    settings = Settings()
    if settings.grpc_port is not None:
        raise GrpcNotServed("GRPC_PORT: Ray Serve passes HTTP on, not this server's gRPC; unset GRPC_PORT")
    return settings.model_copy(update={"workers": 1})


class Replica:
    """The class of the deployment. `serve.ingress` adds what passes requests to the app that it builds.

    Ray Serve awaits the app's lifespan: at the start, and, when it stops a replica, after the replica's last
    request. The lifespan loads the model in the background, so `check_health` waits for it.
    """

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Build the app; Ray Serve calls it in the replica's process.

        Raises:
            AppError: as `create_app`; Ray Serve then reports the deployment as failed.
        """
        settings = replica_settings()
        logs.configure(level=settings.log_level, style=settings.log_format)
        self._app = create_app(settings)
        return self._app

    async def check_health(self) -> None:
        """Raise if the replica has to be replaced: what `/livez` answers, and a start that failed.

        The first call is a part of the start: Ray Serve sends a replica no request before it returns, so it
        returns when the model has given its golden answers. A replica that drains is healthy.

        Raises:
            ReplicaUnhealthy: the start failed, the engine hangs, or the batcher has stopped.
        """
        versions = self._app.state.versions
        while (status := versions.status()).state is State.STARTING:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(_POLL_SECONDS)
        if not status.alive:
            raise ReplicaUnhealthy("; ".join(status.reasons))
