"""Compares forecasts with measured loads of one and two replicas behind HAProxy."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.cli.planning.forecast import interpolate, loads_of
from app.cli.planning.record import Body, Record
from app.contract import open_artifact
from benchmarks import fleet
from benchmarks.capacity.load import load, request_of
from benchmarks.peers.measure import log
from benchmarks.peers.records import spread
from benchmarks.peers.tables import table

COUNTS = (1, 2)
# Of the highest rate that the record has for so many replicas.
SHARES = (0.2, 0.4, 0.6, 0.8)
# At this share, the forecast's latency is the one for which rates are compared.
TARGET_SHARE = 0.6
# A request below this size fits into a buffer of that size, which costs the balancer less to copy.
SMALL_BUFFER = 65536


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run.

    Attributes:
        record: whose forecasts are checked.
        artifact: the version folder.
        series: numbers of series in a request, measured by the record or between those.
        body: format of the requests.
        rounds: number of repetitions.
        seconds: least duration of each load.
        logs: folder of the processes' logs.
    """

    record: Record
    artifact: Path
    series: tuple[int, ...]
    body: Body
    rounds: int
    seconds: float
    logs: Path


@dataclass(frozen=True, slots=True)
class Comparison:
    """Loads of one size on some replicas.

    Attributes:
        replicas: how many.
        series: number of series in a request.
        rates: requests per second of all replicas together.
        forecasts: 99th percentiles in milliseconds.
        measured: of each rate, those of the rounds; infinity if a request failed.
    """

    replicas: int
    series: int
    rates: Sequence[float]
    forecasts: Sequence[float]
    measured: Sequence[Sequence[float]]


def check(plan: Plan) -> list[Comparison]:
    """Load one replica, then two.

    Raises:
        HarnessError: a program is missing.
        PeerError: a replica or a client failed.
        RecordError: the record does not cover the requests.
    """
    return [comparison for count in COUNTS for comparison in _compare(plan, count)]


def _compare(plan: Plan, count: int) -> Iterator[Comparison]:
    golden = open_artifact(plan.artifact).golden.series
    with fleet.replicas(count, artifact=plan.artifact, logs=plan.logs) as replicas, fleet.beside(count):
        for series in plan.series:
            request = request_of(golden, series, plan.body)
            loads = loads_of(plan.record, body=plan.body, series=series)
            rates = [share * count * loads.rates[-1] for share in SHARES]
            measured: list[list[float]] = [[] for _ in rates]
            settings = {"RETRY_BYTES": str(SMALL_BUFFER)} if len(request.body) < SMALL_BUFFER / 2 else {}
            with fleet.balancer(
                replicas, log=plan.logs / f"haproxy-{count}-{series}.log", **settings
            ) as balancer:
                for number in range(plan.rounds):
                    for place, rate in enumerate(rates):
                        one = load(
                            balancer.port, request, replicas, rate=rate, seconds=plan.seconds, seed=number
                        )
                        measured[place].append(one.p99_ms)
                        log(f"round {number + 1}: {count} x {series}: {rate:,.0f}/s: p99 {one.p99_ms:.2f} ms")
            yield Comparison(count, series, rates, [loads.p99_at(rate / count) for rate in rates], measured)


def report(plan: Plan, found: Sequence[Comparison], *, facts: dict[str, str]) -> str:
    """Tables of latencies at equal rates, and of rates at equal latencies."""
    heads = ("replicas", "series a request", "requests/s", "forecast p99 ms", "measured p99 ms", "error")
    rows = [
        (
            str(one.replicas),
            str(one.series),
            f"{rate:,.0f}",
            f"{forecast:.1f}",
            spread(measured, ".1f"),
            error(forecast, statistics.median(measured)),
        )
        for one in found
        for rate, forecast, measured in zip(one.rates, one.forecasts, one.measured, strict=True)
    ]
    limits = ("replicas", "series a request", "p99 ms", "forecast requests/s", "measured requests/s", "error")
    about = plan.record.about
    lines = [
        *(f"* {name}: {text}" for name, text in facts.items()),
        f"* record: {about.command}, {about.when}, on {about.machine}",
        f"* {plan.body}, behind HAProxy; {os.cpu_count()} cores for replicas, HAProxy and the client",
    ]
    if about.machine != facts["machine"]:
        lines.append("* **the record is of another machine**: the errors are those of the machine, too")
    return "\n".join(
        [*lines, "", table(heads, rows), "", table(limits, [limit_row(plan, one) for one in found])]
    )


def limit_row(plan: Plan, one: Comparison) -> tuple[str, ...]:
    """The rate within a latency: forecast and measured, interpolated between the medians of the rounds."""
    loads = loads_of(plan.record, body=plan.body, series=one.series)
    target = loads.p99_at(TARGET_SHARE * loads.rates[-1])
    forecast = one.replicas * loads.limit(target)
    measured = measured_limit(one, target)
    names = (str(one.replicas), str(one.series), f"{target:.1f}", f"{forecast:,.0f}")
    if measured is None:
        return (*names, f"below {one.rates[0]:,.0f}", "-")
    if measured == one.rates[-1]:
        return (*names, f"{measured:,.0f} or more", error(forecast, measured))
    return (*names, f"{measured:,.0f}", error(forecast, measured))


def measured_limit(one: Comparison, target: float) -> float | None:
    """The highest measured rate within a latency; None if none is."""
    medians = [statistics.median(values) for values in one.measured]
    above = next((place for place, value in enumerate(medians) if value > target), None)
    if above == 0:
        return None
    if above is None:
        return one.rates[-1]
    if medians[above] == float("inf"):
        return one.rates[above - 1]
    return interpolate(target, medians[above - 1 : above + 1], one.rates[above - 1 : above + 1])


def error(forecast: float, measured: float) -> str:
    """How much a forecast is above what was measured, in percent."""
    return f"{100 * (forecast / measured - 1):+.0f} %" if measured < float("inf") else "requests failed"
