"""Thousands of silent, slow, half-sent, reset or abandoned connections beside a normal load."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from qa.chaos.context import FaultContext
from qa.chaos.errors import CannotInject
from qa.chaos.finding import Finding, Promise, all_answered, finding_from
from qa.chaos.flood import KINDS
from qa.chaos.load import Load
from qa.chaos.request_log import quantile_ms
from qa.chaos.serving import serving
from qa.harness import proc
from qa.harness.process import ROOT, NotServing
from qa.harness.server import ServerProcess

NAME = "bad-connections"
NUMBER = 10_000
RATE = 1000.0
LOAD_CONNECTIONS = 8
LOAD_RATE = 100.0
# The server's timeout for a head is 10 s, for a body the request's deadline.
REQUEST_TIMEOUT = 10
CLOSE_SECONDS = 60.0
# Descriptors of this process other than the connections.
SPARE = 1000
MOST_RATIO = 2.0
MOST_GROWTH = 0.1
_SAMPLE_SECONDS = 0.25


@dataclass(slots=True)
class FloodRun:
    """A flood, from its first connection until the server has closed the last."""

    began: float
    ended: float = 0.0
    opened: int = 0
    most: int = 0  # highest number of the server's descriptors

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.ended - self.began


async def inject(context: FaultContext) -> Finding:
    """Flood a server twice: the second flood must not leave more behind than the first."""
    number = min(1_500 if context.quick else NUMBER, proc.raise_file_limit() - SPARE)
    calm_seconds = 5.0 if context.quick else 20.0
    settings = context.settings | {"REQUEST_TIMEOUT": str(REQUEST_TIMEOUT)}
    async with serving(settings, log=context.log("server")) as server:
        fresh = proc.held(server.pid)
        await _run_flood(context, server, number)
        requests = [context.workload.json(1, seed=seed) for seed in range(32)]
        async with Load(
            server.port, context.workload, requests, connections=LOAD_CONNECTIONS, rate=LOAD_RATE
        ) as load:
            start = time.monotonic()
            await asyncio.sleep(calm_seconds)
            before = proc.held(server.pid)
            flood = await _run_flood(context, server, number)
            await asyncio.sleep(calm_seconds)
            after = proc.held(server.pid)
            end = time.monotonic()
    request_log = load.request_log
    calm = request_log.latencies(start, flood.began) + request_log.latencies(flood.ended, end)
    during = request_log.latencies(flood.began, flood.ended)
    return finding_from(
        NAME,
        request_log,
        load=f"1 replica, no balancer; {load.description}",
        injected=f"{flood.opened:,} connections, {RATE:g}/s ({', '.join(KINDS)}), "
        "after the same number as warm-up; "
        f"the server had at most {flood.most:,} descriptors open and closed all within {flood.seconds:.0f} s",
        promises=[
            all_answered(request_log.tally()),
            _p99(calm, during),
            *_resources_return(fresh, before, after),
        ],
    )


def _p99(calm: list[float], during: list[float]) -> Promise:
    before, with_flood = quantile_ms(calm, 0.99), quantile_ms(during, 0.99)
    return Promise(
        f"p99 of other clients at most {MOST_RATIO:g} times that before and after",
        with_flood <= MOST_RATIO * before,
        f"{with_flood:.1f} ms and {before:.1f} ms (ratio {with_flood / before:.2f}); "
        f"p50 {quantile_ms(during, 0.5):.1f} ms and "
        f"{quantile_ms(calm, 0.5):.1f} ms",
    )


def _resources_return(fresh: proc.Held, before: proc.Held, after: proc.Held) -> list[Promise]:
    growth = after.resident / before.resident - 1
    return [
        Promise(
            "numbers of descriptors and threads return",
            after[:2] == before[:2],
            f"{before.descriptors}, {before.threads} before; {after.descriptors}, {after.threads} after",
        ),
        Promise(
            f"resident memory grows by at most {MOST_GROWTH:.0%}",
            growth <= MOST_GROWTH,
            f"{fresh.resident / 1e6:.0f} MB when ready, {before.resident / 1e6:.0f} after the first flood, "
            f"{after.resident / 1e6:.0f} after the second",
        ),
    ]


async def _run_flood(context: FaultContext, server: ServerProcess, number: int) -> FloodRun:
    """Flood a server and wait until it has closed all connections."""
    now = before = proc.held(server.pid).descriptors
    flood = FloodRun(time.monotonic())
    async with _flooding(context, server, number) as output:
        counting = asyncio.create_task(output.readline())
        deadline = time.monotonic() + number / RATE + CLOSE_SECONDS
        while not counting.done() or now > before:
            await asyncio.sleep(_SAMPLE_SECONDS)
            now = proc.held(server.pid).descriptors
            flood.most = max(flood.most, now)
            if time.monotonic() > deadline:
                raise NotServing(f"the server still holds {now} descriptors, {before} before the flood")
        flood.ended = time.monotonic()
        if not (line := await counting):
            raise CannotInject("the process that opens the connections ended early")
        flood.opened = json.loads(line)["opened"]
    return flood


@asynccontextmanager
async def _flooding(
    context: FaultContext, server: ServerProcess, number: int
) -> AsyncIterator[asyncio.StreamReader]:
    """Run the flood process; yield its output. It ends with the block."""
    request = context.folder / "request"
    request.write_bytes(context.workload.json(1).raw("flood"))
    options = {"port": server.port, "request": request, "number": number, "rate": RATE}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "qa.chaos.flood",
        *(f"--{name}={value}" for name, value in options.items()),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()
