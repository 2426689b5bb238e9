"""Measures a record: for each kind of request, one replica at rising shares of its peak rate."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from app.cli.planning.record import About, Body, Curve, Point, Record
from app.contract import open_artifact
from benchmarks import fleet
from benchmarks.capacity.load import Measured, load, request_of
from benchmarks.peers import about, wrk
from benchmarks.peers.bodies import Request
from benchmarks.peers.errors import HarnessError
from benchmarks.peers.measure import log
from benchmarks.peers.processes import Running

# Of the peak, which is the rate of a closed loop.
SHARES = (0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
PEAK_CONNECTIONS = 32
# Series in flight during that loop: well below the server's limits, which refuse more.
PEAK_SERIES = 1024
# Of its core, during that loop: with less, the replica waited for other programs.
LEAST_BUSY = 0.7
BODIES: tuple[Body, ...] = ("json", "npy")


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run.

    Attributes:
        artifact: the version folder.
        series: numbers of series in a request.
        rounds: number of repetitions.
        seconds: least duration of each load.
        logs: folder of the replica's log.
    """

    artifact: Path
    series: tuple[int, ...]
    rounds: int
    seconds: float
    logs: Path


def measure(plan: Plan, *, command: list[str]) -> Record:
    """Measure one replica.

    Args:
        plan: of the run.
        command: the words of this command, for the record.

    Raises:
        HarnessError: a program or a second CPU core is missing, the machine is busy with other programs, or a
            curve has too few loads without failures.
        PeerError: the replica or a client failed.
    """
    if len(os.sched_getaffinity(0)) < 2:
        raise HarnessError("a record needs two CPU cores, one of them for the client; there is one")
    golden = open_artifact(plan.artifact).golden.series
    kinds = [(body, count) for body in BODIES for count in plan.series]
    requests = {kind: request_of(golden, kind[1], kind[0]) for kind in kinds}
    with fleet.replicas(1, artifact=plan.artifact, logs=plan.logs) as (replica,), fleet.beside(1):
        peaks = {kind: _peak(replica, requests[kind], kind[1], plan.seconds) for kind in kinds}
        found: dict[tuple[Body, int], list[list[Measured]]] = {kind: [[] for _ in SHARES] for kind in kinds}
        for number in range(plan.rounds):
            for kind in kinds:
                for place, share in enumerate(SHARES):
                    one = load(
                        replica.port,
                        requests[kind],
                        [replica],
                        rate=share * peaks[kind],
                        seconds=plan.seconds,
                        seed=number,
                    )
                    found[kind][place].append(one)
                    log(f"round {number + 1}: {kind[1]} as {kind[0]}: {share:.0%}: p99 {one.p99_ms:.2f} ms")
        memory = replica.memory().resident / 1e6
    return Record(
        format=1,
        about=_about(plan, command),
        cores=1,
        memory_mb=round(memory, 1),
        curves=[curve_of(kind[0], kind[1], peaks[kind], found[kind]) for kind in kinds],
    )


def curve_of(body: Body, series: int, peak: float, loads: list[list[Measured]]) -> Curve:
    """The loads below the first at which a request failed.

    Args:
        body: format of the requests.
        series: number of series in a request.
        peak: requests per second.
        loads: for each of `SHARES`, a measurement of each round.

    Raises:
        HarnessError: less than two are left.
    """
    points = []
    for share, rounds in zip(SHARES, loads, strict=True):
        if any(one.failed for one in rounds):
            break
        points.append(
            Point(
                rate=round(share * peak, 2),
                p99_ms=[round(one.p99_ms, 3) for one in rounds],
                busy_cores=[round(one.busy_cores, 4) for one in rounds],
            )
        )
    if len(points) < 2:
        raise HarnessError(
            f"{series} series as {body}: requests failed at {SHARES[1]:.0%} of the peak; stop other programs "
            "on this machine, and measure again"
        )
    return Curve(body=body, series=series, points=points)


def _peak(replica: Running, request: Request, series: int, seconds: float) -> float:
    """Requests per second of a closed loop after a warm-up.

    Raises:
        HarnessError: none got a prediction, or other programs took the replica's core.
        PeerError: wrk failed.
    """
    connections = max(2, min(PEAK_CONNECTIONS, PEAK_SERIES // series))
    wrk.run(replica.port, request, connections=connections, seconds=1)
    started, before = time.perf_counter(), fleet.cpu_seconds([replica])
    rate = wrk.run(replica.port, request, connections=connections, seconds=seconds).rate
    busy = (fleet.cpu_seconds([replica]) - before) / (time.perf_counter() - started)
    if not rate:
        raise HarnessError(f"{series} series: no request got a prediction; is {series} above MAX_BATCH_ROWS?")
    if busy < LEAST_BUSY:
        raise HarnessError(
            f"{series} series: at the peak, the replica got {busy:.0%} of its core, less than "
            f"{LEAST_BUSY:.0%}; stop other programs on this machine, and measure again"
        )
    return rate


def _about(plan: Plan, command: list[str]) -> About:
    facts = about.command_and_machine(command)
    shares = ", ".join(f"{share:.0%}" for share in SHARES)
    return About(
        machine=facts["machine"],
        command=facts["command"].strip("`"),
        when=facts["when"],
        model=f"{plan.artifact.parent.name}/{plan.artifact.name}",
        replica="one worker (WORKERS=1) with a CPU core of its own, default settings",
        load=f"{plan.rounds} rounds, at least {plan.seconds:g} s a load, Poisson arrivals at {shares} of the "
        "peak rate, client on another core, no balancer",
    )
