"""A long run with all sizes and kinds of requests, all errors, and clients that disconnect early."""

from __future__ import annotations

import asyncio
import math
import time
from itertools import count

from qa.chaos.bad_requests import bad_requests
from qa.chaos.context import FaultContext
from qa.chaos.finding import Finding, Promise, all_answered, finding_from
from qa.chaos.load import Load
from qa.chaos.request_log import RequestLog
from qa.chaos.serving import serving
from qa.chaos.trend import Slope, fifth, slope
from qa.chaos.workload import JSON, Request, Workload
from qa.harness import proc
from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.http_client import NoResponse
from qa.harness.process import NotServing
from qa.harness.server import ServerProcess

NAME = "soak"
WORKERS = 2
CONNECTIONS = 16
RATE = 60.0
DISCONNECT_SECONDS = 0.5
SAMPLE_SECONDS = 1.0
# Copies of each size in a cycle of requests.
SHARES = {1: 60, 32: 12, 256: 3}
# A leak that would matter within a day. In shorter runs memory still grows to its working size.
MOST_MB_PER_HOUR = 10.0
LEAST_MINUTES = 20.0


async def inject(context: FaultContext) -> Finding:
    """Load a server with two workers; record its memory and latencies."""
    minutes = 0.5 if context.quick else context.minutes
    requests = _everything(context.workload)
    async with (
        serving(context.settings, log=context.log("server"), workers=WORKERS) as server,
        Load(server.port, context.workload, requests, connections=CONNECTIONS, rate=RATE) as load,
    ):
        watched, start = [server.pid, *server.workers], time.monotonic()
        disconnecting = asyncio.create_task(_disconnect_early(server, context.workload))
        times, sizes = await _watch(watched, seconds=60 * minutes)
        disconnecting.cancel()
        same, end = [server.pid, *server.workers] == watched, time.monotonic()
    half = len(times) // 2
    growth = slope(times[half:], sizes[half:])
    return finding_from(
        NAME,
        load.request_log,
        load=f"{WORKERS} workers, no balancer; {load.description}",
        injected=f"{minutes:g} minutes; {1 / DISCONNECT_SECONDS:g} clients per second disconnect early",
        promises=[
            all_answered(load.request_log.tally()),
            Promise("no worker is replaced", same, f"{WORKERS} workers"),
            *([_memory(growth)] if minutes >= LEAST_MINUTES else []),
        ],
        measured=[_sizes(sizes, growth), _latencies(load.request_log, start, end)],
    )


def _everything(workload: Workload) -> list[Request]:
    good = []
    for size, copies in SHARES.items():
        good += [workload.json(size, seed=seed) for seed in range(copies)]
        good += [workload.npy(size, seed=seed, accept=JSON) for seed in range(copies // 3)]
        good += [workload.npy(size, seed=seed) for seed in range(copies // 3)]
    # In an order that spreads large and invalid requests.
    made = [*good, *bad_requests(workload)]
    stride = next(step for step in count(37) if math.gcd(step, len(made)) == 1)
    return [made[index * stride % len(made)] for index in range(len(made))]


async def _disconnect_early(server: ServerProcess, workload: Workload) -> None:
    """Send a request, whole or in part, and disconnect without waiting for the response."""
    request = workload.json(32).raw("gone")
    for turn in count():
        await asyncio.sleep(DISCONNECT_SECONDS)
        try:
            connection = await AsyncHttpClient.connect(server.port)
            connection.send(request if turn % 2 else request[: len(request) // 2])
        except NoResponse:
            continue  # the load notices this, too
        await asyncio.sleep(0.005)
        connection.close()


async def _watch(pids: list[int], *, seconds: float) -> tuple[list[float], list[float]]:
    """Sample the resident memory: hours since the start, and MB of all processes together.

    Raises:
        NotServing: a process ended.
    """
    start = time.monotonic()
    times: list[float] = []
    sizes: list[float] = []
    while (passed := time.monotonic() - start) < seconds:
        times.append(passed / 3600)
        try:
            sizes.append(sum(proc.held(pid).resident for pid in pids) / 1e6)
        except OSError:
            raise NotServing(f"a process of the server ended after {passed:.0f} s") from None
        await asyncio.sleep(SAMPLE_SECONDS)
    return times, sizes


def _memory(growth: Slope) -> Promise:
    return Promise(
        f"resident memory grows by at most {MOST_MB_PER_HOUR:g} MB/hour, within two standard errors",
        growth.value - 2 * growth.error <= MOST_MB_PER_HOUR,
        f"{growth} MB/hour",
    )


def _sizes(sizes: list[float], growth: Slope) -> str:
    start, half, end = sizes[0], sizes[len(sizes) // 2], sizes[-1]
    return (
        f"resident memory of all processes: {start:.0f} MB at the start, {half:.0f} half-way, {end:.0f} at "
        f"the end; {growth} MB/hour in the second half"
    )


def _latencies(request_log: RequestLog, start: float, end: float) -> str:
    kind = "JSON, 1"
    early, late = (fifth(request_log, number, start=start, end=end, kind=kind) for number in (1, 4))
    return (
        f"latency of one series as JSON, second and last fifth of the run: p50 {early.p50:.1f} and "
        f"{late.p50:.1f} ms, p99 {early.p99:.1f} and {late.p99:.1f} ms"
    )
