"""Starts a server and waits until it is ready, in a thread, so that the event loop is not blocked."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from qa.harness.server import SERVE, ServerProcess


@asynccontextmanager
async def serving(
    settings: Mapping[str, str], *, log: Path, workers: int = 1, command: Sequence[str] = SERVE
) -> AsyncIterator[ServerProcess]:
    """A ready server; settings are environment variables.

    Raises:
        NotServing: it does not become ready.
    """
    server = ServerProcess(command, log=log, settings={**settings, "WORKERS": str(workers)})
    try:
        server.start()
        await to_thread(server.wait_until_ready)
        await to_thread(server.wait_for_metric, "timeseries_ready_workers", workers)
        yield server
    finally:
        await to_thread(server.kill)
