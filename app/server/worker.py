"""A process that answers requests: the app under uvicorn, alone or as one of several workers."""

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
        listener: bound, and not listening yet. It is closed when the server is told to stop.
        grace: seconds past the drain for the last answers to be written.

    Raises:
        ArtifactError: the artifact is missing, damaged or foreign.
        CannotListen: another process has begun to listen there.
    """
    app = create_app(settings)
    _exit_on_signals(app)
    _Alone(uvicorn.Config(app, **_options(settings, grace))).run(sockets=[listener])
    return _exit_code(app)


def run_shared(
    settings: Settings,
    *,
    listener: socket.socket,
    heart: HeartbeatSender,
    accept_when_ready: bool,
    grace: int,
) -> int:
    """Serve, as one of several workers, until a signal or the end of the supervisor; the exit code.

    Args:
        settings: of the server; host and port are the supervisor's business.
        listener: the socket that all workers share.
        heart: tells the supervisor how this worker is.
        accept_when_ready: accept no connection before the service is ready; else at once, so that probes are
            answered.
        grace: seconds past the drain for the last answers to be written.
    """
    for handler in logging.getLogger().handlers:
        handler.addFilter(heart.hands_on)
    try:
        app = create_app(settings)
    except AppError as error:
        log.critical("%s", error)
        return FAILED
    _exit_on_signals(app)
    server = _Worker(
        uvicorn.Config(app, **_options(settings, grace)),
        listener=listener,
        heart=heart,
        status=lambda: app.state.rollout.status(),
        accept_when_ready=accept_when_ready,
    )
    server.run()
    return _exit_code(app)


class _Alone(uvicorn.Server):
    """A server on a listening socket of its own."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, start the app, accept connections, and say where."""
        for listener in sockets or []:
            listen(listener)
        await super().startup(sockets)
        for listener in sockets or []:
            host, port, *_ = listener.getsockname()
            log.info("listening on %s", url(host, port))


class _Worker(uvicorn.Server):
    """A server on a shared listening socket, with a heartbeat."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        listener: socket.socket,
        heart: HeartbeatSender,
        status: Callable[[], Status],
        accept_when_ready: bool,
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._heart = heart
        self._status = status
        self._accept_when_ready = accept_when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, which handles signals from then on; then the heartbeat; then accept connections."""
        await super().startup(sockets=sockets or [])
        self._beating = asyncio.create_task(self._heart.run(self._beat, on_loss=_end))
        self._telling = asyncio.create_task(self._tell_ready())
        if self._accept_when_ready:
            await self._telling
            if not self._status().ready:
                return  # it failed, or was told to stop
        protocol = partial(
            Connection,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self.servers.append(Acceptor(self._listener, protocol))  # type: ignore[arg-type]

    async def _tell_ready(self) -> None:
        """Say that it is ready, or cannot be, as soon as it is so, and before it accepts for that reason.

        One that hangs before its supervisor has heard so is given the time of a start, with callers waiting.
        """
        while self._status().state is State.STARTING:  # noqa: ASYNC110 - a service has no event for it
            await asyncio.sleep(_READY_POLL_SECONDS)
        self._heart.beat(self._beat())

    def _beat(self) -> Heartbeat:
        status = self._status()
        return Heartbeat(status.ready, status.alive, words="" if status.alive else "; ".join(status.reasons))


def _end() -> None:
    log.error("the supervisor is gone, so this worker ends too")
    os.kill(os.getpid(), signal.SIGTERM)


def _exit_on_signals(app: FastAPI) -> None:
    """Uvicorn raises the signal that ended it once more when it is done; by then it has been obeyed."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(_exit_code(app)))


def _exit_code(app: FastAPI) -> int:
    return FAILED if app.state.rollout.has_failed else 0


def _options(settings: Settings, grace: int) -> dict[str, Any]:
    return {
        "http": Connection,
        "ws": "none",
        "backlog": BACKLOG,
        "timeout_keep_alive": settings.keep_alive,
        "timeout_graceful_shutdown": int(settings.drain_timeout) + grace,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,  # nobody asks who the caller is, and Connection wants the app itself
    }
