"""An app with a fake engine behind a real port, on a server in this process: quick to start."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import uvicorn
from fastapi import FastAPI

from app.contract import Artifact
from app.http.connection import Connection
from app.main import create_app
from app.server.worker import _options
from app.settings import Settings
from app.telemetry.metrics import Metrics
from qa.harness.http_client import HttpClient
from qa.harness.messages import get
from qa.harness.process import wait_until
from tests.app.conftest import MAX_BODY, MAX_ROWS, REQUEST_TIMEOUT, small_service
from tests.support.fakes import FakeEngine

Loop = Literal["uvloop", "asyncio"]


class Served(NamedTuple):
    """Where an app is served, and what serves it."""

    url: str
    app: FastAPI
    engine: FakeEngine
    server: uvicorn.Server

    @property
    def connections(self) -> int:
        """How many it has at present."""
        return len(self.server.server_state.connections)

    def metric(self, name: str) -> float:
        """The value of a metric, its name with its labels."""
        with HttpClient(self.url) as wire:
            lines = wire.ask(get("/metrics")).body.decode().splitlines()
        return next((float(line.split()[-1]) for line in lines if line.rpartition(" ")[0] == name), 0.0)


class _Server(uvicorn.Server):
    """Leaves no connection open: its process goes on, and collects an open one as a warning."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End as uvicorn does, then what its grace period left."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


@contextmanager
def served(
    artifact: Artifact,
    *,
    loop: Loop = "uvloop",
    protocol: type[Connection] | Literal["h11"] = Connection,
    rows: int = MAX_ROWS,
    **settings: Any,
) -> Iterator[Served]:
    """An app of an artifact, ready; its settings are those of the tests of routes, and these."""
    engine, metrics = FakeEngine(max_rows=rows), Metrics()
    service = small_service(artifact, engine, metrics, rows=rows)
    limits = {
        "max_batch_rows": rows,
        "max_queue_rows": rows,
        "max_body_bytes": MAX_BODY,
        "request_timeout": REQUEST_TIMEOUT,
    }
    chosen = Settings(**{**limits, **settings})
    app = create_app(chosen, service, metrics=metrics)
    options = {**_options(chosen, grace=1), "loop": loop, "http": protocol}
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, **options))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started and service.status().ready)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"http://127.0.0.1:{port}", app, engine, server)
    finally:
        engine.release()
        server.should_exit = True
        thread.join(timeout=60)
        assert not thread.is_alive(), "the server did not end"
