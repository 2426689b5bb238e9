"""Workers that were killed or stopped, and whether anybody suffered who was not connected to them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qa.chaos.finding import Promise
from qa.chaos.judge import Outcome
from qa.chaos.ledger import UNHAPPY, Entry, Ledger
from qa.chaos.load import Load
from qa.chaos.serving import serving
from qa.chaos.stage import Stage
from qa.harness import proc
from qa.harness.server import ServerProcess

WORKERS = 2
CONNECTIONS = 16
SOME = 50  # answers between two signals
# Until the supervisor has heard from a new worker that it is ready, up to half a second after callers have.
# One that hangs before that has the time of a start.
SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Victim:
    """A worker that got a signal.

    Attributes:
        moment: of the signal, in seconds on the monotonic clock.
        ports: the clients' ports of the connections that it held.
        whole_after: seconds until as many workers were ready as before.
    """

    moment: float
    ports: frozenset[int]
    whole_after: float


async def strike(server: ServerProcess, number: signal.Signals, *, place: int, restarts: str) -> Victim:
    """Send a signal to one of a server's workers, and wait until another has replaced it.

    Args:
        server: that the workers belong to.
        number: of the signal.
        place: of the worker, by age.
        restarts: the metric that counts such replacements.

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
    return Victim(moment, ports, time.monotonic() - moment)


async def strike_in_turn(
    stage: Stage,
    settings: Mapping[str, str],
    number: signal.Signals,
    *,
    times: int,
    restarts: str,
) -> tuple[Load, list[Victim]]:
    """Strike a server's workers under load, one after the other; the load, ended, and the victims.

    Args:
        stage: where it is done.
        settings: of the server.
        number: of the signal.
        times: how often.
        restarts: the metric that counts such replacements.

    Raises:
        NotServing: a worker was not replaced.
    """
    victims = []
    async with (
        serving(settings, log=stage.log("server"), workers=WORKERS) as server,
        Load(server.port, stage.book, stage.book.mixed(), connections=CONNECTIONS) as load,
    ):
        for turn in range(times):
            await load.wait_for_answers(SOME)
            victims.append(await strike(server, number, place=turn % WORKERS, restarts=restarts))
        await load.wait_for_answers(SOME)
    return load, victims


def whole_again(victims: Sequence[Victim]) -> str:
    """How long it took at most, for the report."""
    longest = max(victim.whole_after for victim in victims)
    return f"{longest:.1f} s at most until {WORKERS} were ready again"


def load_held(load: Load) -> str:
    """What was asked of the workers, for the report."""
    return f"{WORKERS} workers, no balancer; {load.words}"


def only_their_own(ledger: Ledger, victims: Sequence[Victim]) -> Promise:
    """Nobody failed who was not connected to a victim, and nobody twice."""
    suffered = ledger.of(*UNHAPPY, Outcome.REFUSED)
    places = [_victim_of(entry, victims) for entry in suffered]
    elsewhere = places.count(None)
    once = len({(place, entry.port) for place, entry in zip(places, suffered, strict=True)}) == len(suffered)
    connections = sum(len(victim.ports) for victim in victims)
    return Promise(
        "only requests in flight on that worker fail",
        not elsewhere and once,
        f"{len(suffered)} failed of {connections} connections to it, {elsewhere} elsewhere",
    )


def others_go_on(ledger: Ledger, victims: Sequence[Victim], *, seconds: float) -> Promise:
    """There is no such long time without an answer, and no request sent then waits for so long."""
    last = max(entry.ended for entry in ledger.entries)
    gaps = [ledger.longest_gap(victim.moment, min(victim.moment + 2 * seconds, last)) for victim in victims]
    slowest = [
        max(ledger.latencies(victim.moment, victim.moment + seconds), default=0.0) for victim in victims
    ]
    return Promise(
        f"within {seconds:g} s everybody is answered again",
        max(*gaps, *slowest) < seconds,
        f"at most {1e3 * max(gaps):.0f} ms without an answer, {1e3 * max(slowest):.0f} ms for one",
    )


def _victim_of(entry: Entry, victims: Sequence[Victim]) -> int | None:
    """Which victim a request was lost with: the last that held its connection."""
    found = [
        place
        for place, victim in enumerate(victims)
        if entry.port in victim.ports and victim.moment <= entry.ended
    ]
    return found[-1] if found else None
