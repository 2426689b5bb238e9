"""An app under uvicorn's protocol in this process, with simulated connections.

Requests are passed to the protocol without a socket, and what it writes is discarded: the figures contain no
kernel and no load generator.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import uvloop
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.http.connection import Connection

REQUESTS = 2000


def cpu_seconds(
    app: ASGIApp,
    request: bytes,
    *,
    connections: int,
    repeats: int,
    protocol: type[HttpToolsProtocol] = Connection,
    clock: Callable[[], float] = time.process_time,
) -> list[float]:
    """CPU seconds for each request, by default of all threads: `repeats` means over `REQUESTS` requests.

    Args:
        app: responds to every request with a body that ends with a closing brace. A `FastAPI` is started
            first.
        request: what every connection sends, again after each response.
        connections: number of connections at the same time.
        repeats: number of results.
        protocol: of each connection.
        clock: returns CPU seconds.
    """
    connect = partial(_Connection, protocol, request=request)
    return uvloop.run(_measure(app, connect, connections, repeats, clock))


async def _measure(
    app: ASGIApp,
    connect: Callable[..., _Connection],
    connections: int,
    repeats: int,
    clock: Callable[[], float],
) -> list[float]:
    config = Config(app, lifespan="off", log_config=None, access_log=False, proxy_headers=False)
    config.load()
    results = []
    async with _started(app):
        await _run(config, connect, connections)  # warm-up
        for _ in range(repeats):
            started = clock()
            await _run(config, connect, connections)
            results.append((clock() - started) / REQUESTS)
    return results


@asynccontextmanager
async def _started(app: ASGIApp) -> AsyncIterator[None]:
    if not isinstance(app, FastAPI):
        yield
        return
    async with app.router.lifespan_context(app):
        while not app.state.versions.status().ready:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
        yield


async def _run(config: Config, connect: Callable[..., _Connection], connections: int) -> None:
    played = [connect(config, requests=REQUESTS // connections) for _ in range(connections)]
    await asyncio.gather(*(connection.ended for connection in played))


class _Connection(asyncio.Transport):
    """Sends a request, and again after each response, `requests` times."""

    def __init__(
        self, protocol: type[HttpToolsProtocol], config: Config, *, request: bytes, requests: int
    ) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self.ended = loop.create_future()
        self._request = request
        self._left = requests
        self._loop = loop
        self._protocol = protocol(config, ServerState(), {}, loop)
        self._protocol.connection_made(self)
        loop.call_soon(self._protocol.data_received, request)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Receive a response."""
        if not bytes(data).startswith(b"HTTP/1.1 200 ") and not self.ended.done():
            # An exception raised here would go to the app, and the measurement would wait for ever.
            self.ended.set_exception(RuntimeError(f"the app responded with {bytes(data)[:200]!r}"))
        self._left -= 1
        if self._left > 0:
            self._loop.call_soon(self._protocol.data_received, self._request)
        elif not self.ended.done():
            self.ended.set_result(None)
            # In a later turn of the loop, as with a socket.
            self._loop.call_soon(self._protocol.connection_lost, None)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Addresses: both ends are this machine."""
        return ("127.0.0.1", 1) if name in ("sockname", "peername") else default

    def close(self) -> None:
        """Do nothing: there is no socket."""

    def get_write_buffer_size(self) -> int:
        """Written data is discarded."""
        return 0

    def is_closing(self) -> bool:
        """It never is."""
        return False

    def pause_reading(self) -> None:
        """It sends one request at a time anyway."""

    def resume_reading(self) -> None:
        """It sends one request at a time anyway."""
