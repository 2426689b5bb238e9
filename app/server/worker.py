"""A process that serves requests: the app under uvicorn, alone or as one of several workers."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI

from app.errors import AppError
from app.http.connection import Connection
from app.inference.status import State, Status
from app.main import create_app
from app.server.acceptor import Acceptor
from app.server.heartbeat import FAILED, Heartbeat, HeartbeatSender
from app.server.listener import BACKLOG, listen
from app.settings import Settings
from app.system.address import url

_READY_POLL_SECONDS = 0.01

log = logging.getLogger(__name__)


def run_alone(settings: Settings, *, listener: socket.socket, grace: int) -> int:
    """Serve until a signal; the exit code.

    Args:
        settings: of the server; host and port are those of the listener.
        listener: bound, and not listening yet. It is closed when the server stops.
        grace: seconds after the drain in which the last responses are written.

    Raises:
        ArtifactError: the artifact is missing, damaged or not compatible.
        CannotListen: another process listens there now.
    """
    app = create_app(settings)
    _exit_on_signals(app)
    _Alone(uvicorn.Config(app, **_options(settings, grace))).run(sockets=[listener])
    return _exit_code(app)


def run_shared(
    settings: Settings,
    *,
    listener: socket.socket,
    heartbeats: HeartbeatSender,
    accept_when_ready: bool,
    grace: int,
) -> int:
    """Serve as one of several workers until a signal or the end of the supervisor; the exit code.

    Args:
        settings: of the server; host and port are not used.
        listener: the socket that all workers share.
        heartbeats: sends the worker's state to the supervisor.
        accept_when_ready: accept connections only once the service is ready; otherwise at once, so that
            probes get responses.
        grace: seconds after the drain in which the last responses are written.
    """
    for handler in logging.getLogger().handlers:
        handler.addFilter(heartbeats.keep_in_log)
    try:
        app = create_app(settings)
    except AppError as error:
        log.critical("%s", error)
        return FAILED
    _exit_on_signals(app)
    server = _Worker(
        uvicorn.Config(app, **_options(settings, grace)),
        listener=listener,
        heartbeats=heartbeats,
        status=lambda: app.state.versions.status(),
        accept_when_ready=accept_when_ready,
    )
    server.run()
    return _exit_code(app)


class _Alone(uvicorn.Server):
    """A server with its own listening socket."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, start the app, accept connections, and log the address."""
        for listener in sockets or []:
            listen(listener)
        await super().startup(sockets)
        for listener in sockets or []:
            host, port, *_ = listener.getsockname()
            log.info("listening on %s", url(host, port))
        await _start_grpc(self.config)


class _Worker(uvicorn.Server):
    """A server on a shared listening socket, with a heartbeat."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        listener: socket.socket,
        heartbeats: HeartbeatSender,
        status: Callable[[], Status],
        accept_when_ready: bool,
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._heartbeats = heartbeats
        self._status = status
        self._accept_when_ready = accept_when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app and its signal handlers, then the heartbeat, then accept connections."""
        await super().startup(sockets=sockets or [])
        self._heartbeat_task = asyncio.create_task(self._heartbeats.run(self._heartbeat, on_loss=_stop))
        self._ready_task = asyncio.create_task(self._report_ready())
        if self._accept_when_ready:
            await self._ready_task
            if not self._status().ready:
                return  # it failed or was stopped
        protocol = partial(
            Connection,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self.servers.append(Acceptor(self._listener, protocol))  # type: ignore[arg-type]
        await _start_grpc(self.config)

    async def _report_ready(self) -> None:
        """Send a heartbeat as soon as the start has succeeded or failed, before connections are accepted.

        If the supervisor did not know that the worker is ready, a worker that hangs now would keep its
        clients waiting for the whole `START_SECONDS`.
        """
        while self._status().state is State.STARTING:  # noqa: ASYNC110 - a service has no event for it
            await asyncio.sleep(_READY_POLL_SECONDS)
        self._heartbeats.send(self._heartbeat())

    def _heartbeat(self) -> Heartbeat:
        status = self._status()
        return Heartbeat(
            status.ready, status.alive, message="" if status.alive else "; ".join(status.reasons)
        )


async def _start_grpc(config: uvicorn.Config) -> None:
    """Accept gRPC connections, too, if GRPC_PORT is set."""
    app: Any = config.app
    if app.state.grpc is not None:
        await app.state.grpc.start()


def _stop() -> None:
    log.error("the supervisor has ended; stopping this worker")
    os.kill(os.getpid(), signal.SIGTERM)


def _exit_on_signals(app: FastAPI) -> None:
    """Exit with our code when uvicorn, after its shutdown, raises the stop signal again."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(_exit_code(app)))


def _exit_code(app: FastAPI) -> int:
    return FAILED if app.state.versions.has_failed else 0


def _options(settings: Settings, grace: int) -> dict[str, Any]:
    return {
        "http": Connection,
        "ws": "none",
        "backlog": BACKLOG,
        "timeout_keep_alive": settings.keep_alive_timeout,
        "timeout_graceful_shutdown": int(settings.drain_timeout) + grace,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,  # client addresses are not used, and Connection needs the app itself
    }
