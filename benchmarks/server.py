"""The whole server, a real process, under a closed-loop load from this one.

The load generator is Python and shares the machine's cores, so these figures understate the server. Use
them to compare one version with the next.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass

import numpy as np
import uvloop

from app.contract import Artifact
from benchmarks.bodies import json_body
from benchmarks.timing import spread
from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.messages import as_npy, post
from qa.harness.server import running_server

LOADS = (
    ("JSON", 1, 1),
    ("JSON", 1, 32),
    ("JSON", 32, 8),
    ("npy", 256, 4),
)


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a load: requests per second, and latencies in seconds."""

    rate: float
    latencies: list[float]


def table(artifact: Artifact, *, repeats: int, seconds: float) -> str:
    """Requests and series per second, and latencies, of a server with default settings."""
    rows = [
        "### Server, one worker",
        "",
        "| body | series a request | connections | requests/s | series/s | p50 ms | p99 ms |",
        "|---|---|---|---|---|---|---|",
    ]
    with running_server(ARTIFACT=str(artifact.folder), LOG_LEVEL="error") as server:
        for form, size, connections in LOADS:
            series = np.resize(artifact.golden.series, (size, artifact.contract.input.length))
            body = json_body(series) if form == "JSON" else as_npy(series)
            media_type = "application/json" if form == "JSON" else "application/x-npy"
            request = post(body, [("Content-Type", media_type)])
            uvloop.run(load(server.port, request, connections, seconds / 4))  # warm-up
            runs = [uvloop.run(load(server.port, request, connections, seconds)) for _ in range(repeats)]
            rates = [run.rate for run in runs]
            p50 = [1e3 * statistics.median(run.latencies) for run in runs]
            p99 = [1e3 * float(np.quantile(run.latencies, 0.99)) for run in runs]
            cells = (spread(rates, ",.0f"), spread([size * rate for rate in rates], ",.0f"))
            latencies = (spread(p50, ".2f"), spread(p99, ".2f"))
            rows.append(f"| {form} | {size} | {connections} | {' | '.join((*cells, *latencies))} |")
    return "\n".join(rows)


async def load(port: int, request: bytes, connections: int, seconds: float) -> Run:
    """Send requests on `connections` connections, one at a time on each, for `seconds`."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def connection() -> None:
        client = await AsyncHttpClient.connect(port)
        while (started := time.perf_counter()) < end:
            response = await client.ask(request, seconds=60)
            if response.status != 200:
                raise RuntimeError(f"the server responded with {response.status}: {response.body[:200]!r}")
            latencies.append(time.perf_counter() - started)
        client.close()

    started = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    return Run(len(latencies) / (time.perf_counter() - started), latencies)
