"""Everything at once, for long: all sizes and kinds of requests, all errors, and callers that hang up."""

from __future__ import annotations

import asyncio
import math
import time
from itertools import count

from qa.chaos.bad_requests import bad_requests
from qa.chaos.finding import Finding, Promise, nothing_but_answers, of_ledger
from qa.chaos.ledger import Ledger
from qa.chaos.load import Load
from qa.chaos.questions import JSON, Book, Question
from qa.chaos.serving import serving
from qa.chaos.stage import Stage
from qa.chaos.trend import Slope, fifth, slope
from qa.harness import proc
from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.http_client import NoResponse
from qa.harness.process import NotServing
from qa.harness.server import ServerProcess

NAME = "soak"
WORKERS = 2
CONNECTIONS = 16
RATE = 60.0
HANG_UP_SECONDS = 0.5
SAMPLE_SECONDS = 1.0
# Of each kind, the copies in a round of questions.
SHARES = {1: 60, 32: 12, 256: 3}
# A leak that would matter within a day. In less time than this, memory still grows into its working size.
MOST_MB_PER_HOUR = 10.0
LEAST_MINUTES = 20.0


async def inject(stage: Stage) -> Finding:
    """Keep a server of two workers at it, and watch its memory and latencies."""
    minutes = 0.5 if stage.quick else stage.minutes
    questions = _everything(stage.book)
    async with (
        serving(stage.serves, log=stage.log("server"), workers=WORKERS) as server,
        Load(server.port, stage.book, questions, connections=CONNECTIONS, rate=RATE) as load,
    ):
        watched, start = [server.pid, *server.workers], time.monotonic()
        hanging_up = asyncio.create_task(_hang_up(server, stage.book))
        times, sizes = await _watch(watched, seconds=60 * minutes)
        hanging_up.cancel()
        same, end = [server.pid, *server.workers] == watched, time.monotonic()
    half = len(times) // 2
    growth = slope(times[half:], sizes[half:])
    return of_ledger(
        NAME,
        load.ledger,
        load=f"{WORKERS} workers, no balancer; {load.words}",
        injected=f"{minutes:g} minutes; {1 / HANG_UP_SECONDS:g} callers a second that hang up",
        promises=[
            nothing_but_answers(load.ledger.tally()),
            Promise("no worker is replaced", same, f"{WORKERS} workers"),
            *([_memory(growth)] if minutes >= LEAST_MINUTES else []),
        ],
        measured=[_sizes(sizes, growth), _latencies(load.ledger, start, end)],
    )


def _everything(book: Book) -> list[Question]:
    good = []
    for size, copies in SHARES.items():
        good += [book.json(size, seed=seed) for seed in range(copies)]
        good += [book.npy(size, seed=seed, accept=JSON) for seed in range(copies // 3)]
        good += [book.npy(size, seed=seed) for seed in range(copies // 3)]
    # In an order that spreads the large ones and the bad ones.
    made = [*good, *bad_requests(book)]
    stride = next(step for step in count(37) if math.gcd(step, len(made)) == 1)
    return [made[index * stride % len(made)] for index in range(len(made))]


async def _hang_up(server: ServerProcess, book: Book) -> None:
    """Send a request, whole or in part, and hang up without waiting for its answer."""
    request = book.json(32).request("gone")
    for turn in count():
        await asyncio.sleep(HANG_UP_SECONDS)
        try:
            connection = await AsyncHttpClient.connect(server.port)
            connection.send(request if turn % 2 else request[: len(request) // 2])
        except NoResponse:
            continue  # those who ask in order find out, too
        await asyncio.sleep(0.005)
        connection.close()


async def _watch(pids: list[int], *, seconds: float) -> tuple[list[float], list[float]]:
    """Hours since the start, and MB of resident memory of all processes together, sampled for so long.

    Raises:
        NotServing: one of them ended.
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
        f"resident memory grows by at most {MOST_MB_PER_HOUR:g} MB/hour, two standard errors allowed",
        growth.value - 2 * growth.error <= MOST_MB_PER_HOUR,
        f"{growth} MB/hour",
    )


def _sizes(sizes: list[float], growth: Slope) -> str:
    start, half, end = sizes[0], sizes[len(sizes) // 2], sizes[-1]
    return (
        f"resident memory of all processes: {start:.0f} MB at the start, {half:.0f} half-way, {end:.0f} at "
        f"the end; {growth} MB/hour in the second half"
    )


def _latencies(ledger: Ledger, start: float, end: float) -> str:
    kind = "JSON, 1"
    early, late = (fifth(ledger, number, start=start, end=end, kind=kind) for number in (1, 4))
    return (
        f"one series as JSON, from the second fifth of the time to the last: p50 {early.p50:.1f} to "
        f"{late.p50:.1f} ms, p99 {early.p99:.1f} to {late.p99:.1f} ms"
    )
