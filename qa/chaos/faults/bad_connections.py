"""Thousands of connections that are silent, slow, half-sent, reset or abandoned, while others ask."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from qa.chaos.errors import CannotInject
from qa.chaos.finding import Finding, Promise, nothing_but_answers, of_ledger
from qa.chaos.flood import KINDS
from qa.chaos.ledger import quantile_ms
from qa.chaos.load import Load
from qa.chaos.serving import serving
from qa.chaos.stage import Stage
from qa.harness import proc
from qa.harness.process import ROOT, NotServing
from qa.harness.server import ServerProcess

NAME = "bad-connections"
NUMBER = 10_000
RATE = 1000.0
LOAD_CONNECTIONS = 8
LOAD_RATE = 100.0
# The server gives a head 10 s, and a body the request's time.
REQUEST_TIMEOUT = 10
LET_GO_SECONDS = 60.0
# Descriptors that this process opens besides connections that are counted.
SPARE = 1000
MOST_RATIO = 2.0
MOST_GROWTH = 0.1
_SAMPLE_SECONDS = 0.25


@dataclass(slots=True)
class Siege:
    """A flood from its first connection until the server has let go of the last."""

    began: float
    ended: float = 0.0
    opened: int = 0
    most: int = 0  # descriptors of the server at once

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


async def inject(stage: Stage) -> Finding:
    """Flood a server twice: what the first flood leaves behind, the second must not add to."""
    number = min(1_500 if stage.quick else NUMBER, proc.raise_file_limit() - SPARE)
    calm_seconds = 5.0 if stage.quick else 20.0
    settings = stage.serves | {"REQUEST_TIMEOUT": str(REQUEST_TIMEOUT)}
    async with serving(settings, log=stage.log("server")) as server:
        fresh = proc.held(server.pid)
        await _siege(stage, server, number)
        questions = [stage.book.json(1, seed=seed) for seed in range(32)]
        async with Load(
            server.port, stage.book, questions, connections=LOAD_CONNECTIONS, rate=LOAD_RATE
        ) as load:
            start = time.monotonic()
            await asyncio.sleep(calm_seconds)
            before = proc.held(server.pid)
            siege = await _siege(stage, server, number)
            await asyncio.sleep(calm_seconds)
            after = proc.held(server.pid)
            end = time.monotonic()
    ledger = load.ledger
    calm = ledger.latencies(start, siege.began) + ledger.latencies(siege.ended, end)
    during = ledger.latencies(siege.began, siege.ended)
    return of_ledger(
        NAME,
        ledger,
        load=f"1 replica, no balancer; {load.words}",
        injected=f"{siege.opened:,} connections, {RATE:g}/s ({', '.join(KINDS)}), after as many to warm up; "
        f"{siege.most:,} descriptors of the server at most, all let go {siege.seconds:.0f} s after the first",
        promises=[
            nothing_but_answers(ledger.tally()),
            _p99(calm, during),
            *_comes_back(fresh, before, after),
        ],
    )


def _p99(calm: list[float], during: list[float]) -> Promise:
    quiet, loud = quantile_ms(calm, 0.99), quantile_ms(during, 0.99)
    return Promise(
        f"p99 of the others at most {MOST_RATIO:g} times that before and after",
        loud <= MOST_RATIO * quiet,
        f"{loud:.1f} ms over {quiet:.1f} ms ({loud / quiet:.2f}); p50 {quantile_ms(during, 0.5):.1f} ms over "
        f"{quantile_ms(calm, 0.5):.1f} ms",
    )


def _comes_back(fresh: proc.Held, before: proc.Held, after: proc.Held) -> list[Promise]:
    growth = after.resident / before.resident - 1
    return [
        Promise(
            "descriptors and threads return to what they were",
            after[:2] == before[:2],
            f"{before.descriptors}, {before.threads} before; {after.descriptors}, {after.threads} after",
        ),
        Promise(
            f"resident memory returns, up to {MOST_GROWTH:.0%}",
            growth <= MOST_GROWTH,
            f"{fresh.resident / 1e6:.0f} MB when ready, {before.resident / 1e6:.0f} after the first flood, "
            f"{after.resident / 1e6:.0f} after the second",
        ),
    ]


async def _siege(stage: Stage, server: ServerProcess, number: int) -> Siege:
    """Flood a server and wait until it has let go of all, of its own accord."""
    now = before = proc.held(server.pid).descriptors
    siege = Siege(time.monotonic())
    async with _flooding(stage, server, number) as output:
        counting = asyncio.create_task(output.readline())
        deadline = time.monotonic() + number / RATE + LET_GO_SECONDS
        while not counting.done() or now > before:
            await asyncio.sleep(_SAMPLE_SECONDS)
            now = proc.held(server.pid).descriptors
            siege.most = max(siege.most, now)
            if time.monotonic() > deadline:
                raise NotServing(f"the server still holds {now} descriptors, {before} before the flood")
        siege.ended = time.monotonic()
        if not (line := await counting):
            raise CannotInject("the process that opens the connections ended early")
        siege.opened = json.loads(line)["opened"]
    return siege


@asynccontextmanager
async def _flooding(stage: Stage, server: ServerProcess, number: int) -> AsyncIterator[asyncio.StreamReader]:
    """The process that floods; what it prints. It ends with the block."""
    request = stage.folder / "request"
    request.write_bytes(stage.book.json(1).request("flood"))
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
