"""Kills or stops workers; checks that only requests on their connections failed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qa.chaos.context import FaultContext
from qa.chaos.finding import Promise
from qa.chaos.load import Load
from qa.chaos.oracle import Outcome
from qa.chaos.request_log import UNSUCCESSFUL, Entry, RequestLog
from qa.chaos.serving import serving
from qa.harness import proc
from qa.harness.server import ServerProcess

WORKERS = 2
CONNECTIONS = 16
SOME = 50  # responses between two signals
# Until the supervisor knows that a new worker is ready, up to 0.5 s after clients can. A worker that hangs
# before that has the start timeout.
SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SignalledWorker:
    """A worker that got a signal.

    Attributes:
        moment: moment of the signal, in seconds on the monotonic clock.
        ports: client ports of its connections.
        recovered_after: seconds until all workers were ready again.
    """

    moment: float
    ports: frozenset[int]
    recovered_after: float


async def signal_worker(
    server: ServerProcess, number: signal.Signals, *, place: int, restarts: str
) -> SignalledWorker:
    """Send a signal to a worker and wait until it is replaced.

    Args:
        server: the server of the worker.
        number: the signal.
        place: index of the worker, by age.
        restarts: the metric that counts its replacement.

    Raises:
        NotServing: the worker was not replaced.
    """
    await asyncio.sleep(SETTLE_SECONDS)
    before = await asyncio.to_thread(server.metric, restarts)
    workers = server.workers
    pid = workers[place]
    ports, moment = frozenset(proc.peer_ports(pid)), time.monotonic()
    os.kill(pid, number)
    await asyncio.to_thread(server.wait_for_metric, restarts, before + 1)
    await asyncio.to_thread(server.wait_for_metric, "timeseries_ready_workers", len(workers))
    return SignalledWorker(moment, ports, time.monotonic() - moment)


async def signal_in_turn(
    context: FaultContext,
    settings: Mapping[str, str],
    number: signal.Signals,
    *,
    times: int,
    restarts: str,
) -> tuple[Load, list[SignalledWorker]]:
    """Signal a server's workers under load, one after the other; return the ended load and the workers.

    Args:
        context: input of the fault.
        settings: settings of the server.
        number: the signal.
        times: number of signals.
        restarts: the metric that counts the replacements.

    Raises:
        NotServing: a worker was not replaced.
    """
    signalled = []
    async with (
        serving(settings, log=context.log("server"), workers=WORKERS) as server,
        Load(server.port, context.workload, context.workload.mixed(), connections=CONNECTIONS) as load,
    ):
        for turn in range(times):
            await load.wait_for_responses(SOME)
            signalled.append(await signal_worker(server, number, place=turn % WORKERS, restarts=restarts))
        await load.wait_for_responses(SOME)
    return load, signalled


def recovery_text(signalled: Sequence[SignalledWorker]) -> str:
    """The longest recovery, for the report."""
    longest = max(worker.recovered_after for worker in signalled)
    return f"{WORKERS} workers ready again within {longest:.1f} s"


def load_text(load: Load) -> str:
    """The load, for the report."""
    return f"{WORKERS} workers, no balancer; {load.description}"


def only_its_requests_fail(request_log: RequestLog, signalled: Sequence[SignalledWorker]) -> Promise:
    """Only requests on connections of a signalled worker failed, at most one per connection."""
    failed = request_log.of(*UNSUCCESSFUL, Outcome.REFUSED)
    places = [_worker_of(entry, signalled) for entry in failed]
    elsewhere = places.count(None)
    once = len({(place, entry.port) for place, entry in zip(places, failed, strict=True)}) == len(failed)
    connections = sum(len(worker.ports) for worker in signalled)
    return Promise(
        "only requests in flight on that worker fail",
        not elsewhere and once,
        f"{len(failed)} failed on {connections} connections to it, {elsewhere} elsewhere",
    )


def others_are_served(
    request_log: RequestLog, signalled: Sequence[SignalledWorker], *, seconds: float
) -> Promise:
    """After a signal, no gap between responses and no request takes `seconds`."""
    last = max(entry.ended for entry in request_log.entries)
    gaps = [
        request_log.longest_gap(worker.moment, min(worker.moment + 2 * seconds, last)) for worker in signalled
    ]
    slowest = [
        max(request_log.latencies(worker.moment, worker.moment + seconds), default=0.0)
        for worker in signalled
    ]
    return Promise(
        f"all clients get responses again within {seconds:g} s",
        max(*gaps, *slowest) < seconds,
        f"at most {1e3 * max(gaps):.0f} ms without a response, {1e3 * max(slowest):.0f} ms for a response",
    )


def _worker_of(entry: Entry, signalled: Sequence[SignalledWorker]) -> int | None:
    """Index of the last signalled worker that had the request's connection; None if none had."""
    found = [
        place
        for place, worker in enumerate(signalled)
        if entry.port in worker.ports and worker.moment <= entry.ended
    ]
    return found[-1] if found else None
