"""A forecast as text, with every assumption."""

from __future__ import annotations

from dataclasses import dataclass

from app.cli.planning.forecast import Forecast
from app.cli.planning.record import Body, Record

# Of a replica with one worker and the default limits under overload: mem_limit in docker-compose.yml.
LIMIT_GIB = 1
MONTH_HOURS = 730


@dataclass(frozen=True, slots=True)
class Demand:
    """What was asked for.

    Attributes:
        rate: requests per second.
        series: number of series in a request.
        body: format of the requests.
        p99_ms: the latency that 99 % of them may take, in milliseconds.
        price: of a core for an hour; None if unknown.
    """

    rate: float
    series: int
    body: Body
    p99_ms: float
    price: float | None


def forecast_text(demand: Demand, found: Forecast, record: Record) -> str:
    """What the rate needs, then the assumptions."""
    cores, memory = found.replicas * record.cores, found.replicas * record.memory_mb / 1000
    asked = f"{demand.rate:,.10g} requests/s of {demand.series} series within a p99 of {demand.p99_ms:g} ms"
    lines = [
        f"{asked}: {found.replicas:,} replicas, of which {found.needed:,} suffice and 1 is spare",
        f"  cores   {cores:,.10g}, of which {found.busy_cores:,.1f} are busy",
        f"  memory  {memory:,.1f} GB resident, limits of {found.replicas * LIMIT_GIB:,} GiB",
        f"  p99     {found.p99_ms:.3g} ms; {found.degraded_p99_ms:.3g} ms while one replica is lost",
        f"  cost    {_cost(demand, cores)}",
        "assumptions:",
        *(f"  - {text}" for text in assumptions(demand, found, record)),
    ]
    return "\n".join(lines) + "\n"


def assumptions(demand: Demand, found: Forecast, record: Record) -> list[str]:
    """Everything that the forecast takes for granted, each in a line."""
    about, sizes = record.about, " and ".join(map(str, found.sizes))
    texts = [
        f"machine: as fast as {about.machine}; --record FILE is for yours",
        f"measured: {about.command}, {about.when}, model {about.model}; {about.load}",
        f"replica: {about.replica}",
        f"rate: {demand.rate:,.10g} requests/s at the busiest time, not a mean; arrivals are random",
        f"requests: {demand.series} series each as {demand.body}, for predictions only",
        "latency: linear between measured loads (medians of the rounds); it never falls with the load",
        f"one replica: at most {found.limit:,.4g} requests/s within {demand.p99_ms:g} ms",
    ]
    if found.is_highest:
        texts.append("one replica: not more than the highest measured load, though that has a lower p99")
    if len(found.sizes) > 1:
        texts.append(f"size: between {sizes} series, CPU time and latency are linear in the number of series")
    texts += [
        "balancer: equal shares for all replicas; what it and the network need is not included",
        "spare: while one replica is lost, the others carry the rate within the p99",
        f"memory: {record.memory_mb:.0f} MB after the loads; the limit of {LIMIT_GIB} GiB is for overload",
    ]
    if demand.price is not None:
        texts.append("cost: cores only, all hours of a month; the price includes the memory")
    return texts


def _cost(demand: Demand, cores: float) -> str:
    if demand.price is None:
        return f"{cores:,.10g} core-hours an hour; --price gives amounts"
    hour = cores * demand.price
    each = hour / (demand.rate * 3600) * 1e6
    month = f"{_amount(hour * MONTH_HOURS)} a month ({MONTH_HOURS} hours)"
    return f"{_amount(hour)} an hour, {month}, {_amount(each)} per million requests"


def _amount(value: float) -> str:
    """Two decimals; three digits below 1."""
    return f"{value:,.2f}" if value >= 1 else f"{value:.3g}"
