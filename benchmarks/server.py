"""The whole server, a real process, under a closed-loop load from this one.

The load generator is Python and shares the machine's cores, so these figures understate the server; they are
for comparing one version of it with the next.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import uvloop

from app.contract import Artifact
from benchmarks.bodies import json_body, npy_body
from benchmarks.timing import spread

LOADS = (
    ("JSON", 1, 1),
    ("JSON", 1, 32),
    ("JSON", 32, 8),
    ("npy", 256, 4),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One load: requests a second, and latencies in seconds."""

    rate: float
    latencies: list[float]


def table(artifact: Artifact, *, repeats: int, seconds: float) -> str:
    """Requests and series a second, and latencies, of a server with default settings."""
    rows = [
        "### Server, one worker",
        "",
        "| body | series a request | connections | requests/s | series/s | p50 ms | p99 ms |",
        "|---|---|---|---|---|---|---|",
    ]
    with _serving(artifact) as port:
        for form, size, connections in LOADS:
            series = np.resize(artifact.golden.series, (size, artifact.contract.input.length))
            body = json_body(series) if form == "JSON" else npy_body(series)
            request = _request(body, "application/json" if form == "JSON" else "application/x-npy")
            uvloop.run(_load(port, request, connections, seconds / 4))  # warm-up
            runs = [uvloop.run(_load(port, request, connections, seconds)) for _ in range(repeats)]
            rates = [run.rate for run in runs]
            p50 = [1e3 * statistics.median(run.latencies) for run in runs]
            p99 = [1e3 * float(np.quantile(run.latencies, 0.99)) for run in runs]
            cells = (spread(rates, ",.0f"), spread([size * rate for rate in rates], ",.0f"))
            latencies = (spread(p50, ".2f"), spread(p99, ".2f"))
            rows.append(f"| {form} | {size} | {connections} | {' | '.join((*cells, *latencies))} |")
    return "\n".join(rows)


@contextmanager
def _serving(artifact: Artifact) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "ARTIFACT": str(artifact.folder), "LOG_LEVEL": "error"}
    process = subprocess.Popen([sys.executable, "-m", "app", "serve"], env=environment)
    try:
        _wait(f"http://127.0.0.1:{port}/readyz", process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - this machine
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server ended before it was ready")


def _request(body: bytes, media_type: str) -> bytes:
    headers = f"Host: x\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}"
    head = f"POST /predict HTTP/1.1\r\n{headers}\r\n\r\n"
    return head.encode() + body


async def _load(port: int, request: bytes, connections: int, seconds: float) -> Run:
    """As many requests as `connections` connections get answered, one at a time each, in so many seconds."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        while (started := time.perf_counter()) < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"the server answered {head.splitlines()[0].decode()}")
            length = next(
                int(line[16:]) for line in head.lower().splitlines() if line.startswith(b"content-length: ")
            )
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - started)
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    return Run(len(latencies) / (time.perf_counter() - started), latencies)
