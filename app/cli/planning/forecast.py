"""How many replicas carry a rate of requests within a latency.

No queueing formula: a replica's 99th percentile under a load is interpolated between measured loads. Batching
makes service times depend on the load, which formulas such as that of M/D/1 do not have.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from app.cli.planning.record import REMEDY, Body, Curve, Record, RecordError


@dataclass(frozen=True, slots=True)
class Loads:
    """A replica's latency and CPU time under rising loads; between them they are interpolated linearly.

    Attributes:
        rates: requests per second, ascending.
        p99_ms: median of the rounds in milliseconds; never falls, so that an outlier counts as a limit.
        busy_cores: median of the rounds.
    """

    rates: Sequence[float]
    p99_ms: Sequence[float]
    busy_cores: Sequence[float]

    def p99_at(self, rate: float) -> float:
        """Milliseconds at a rate; below the lowest measured rate, those of that rate."""
        return interpolate(rate, self.rates, self.p99_ms)

    def busy_at(self, rate: float) -> float:
        """Cores at a rate; 0 without requests."""
        return interpolate(rate, (0.0, *self.rates), (0.0, *self.busy_cores))

    def limit(self, p99_ms: float) -> float:
        """The highest rate within a latency; never above the highest measured rate.

        Raises:
            RecordError: even the lowest measured load takes longer.
        """
        if p99_ms < self.p99_ms[0]:
            raise RecordError(
                f"--p99 {p99_ms:g}: not reached at the lowest measured load, {self.p99_ms[0]:.3g} ms at "
                f"{self.rates[0]:,.0f} requests/s of one replica; allow more, or send fewer series a request"
            )
        if p99_ms >= self.p99_ms[-1]:
            return self.rates[-1]
        above = next(place for place, value in enumerate(self.p99_ms) if value > p99_ms)
        return interpolate(p99_ms, self.p99_ms[above - 1 : above + 1], self.rates[above - 1 : above + 1])


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a rate of requests needs.

    Attributes:
        sizes: the measured series a request that it is interpolated between; one if measured itself.
        limit: requests per second that one replica carries within the latency.
        is_highest: whether `limit` is the highest measured rate, so that a replica may carry more.
        needed: replicas that carry the rate.
        replicas: with one spare.
        p99_ms: with all replicas.
        degraded_p99_ms: with one lost.
        busy_cores: of all replicas together.
    """

    sizes: tuple[int, ...]
    limit: float
    is_highest: bool
    needed: int
    replicas: int
    p99_ms: float
    degraded_p99_ms: float
    busy_cores: float


def forecast(record: Record, *, rate: float, series: int, body: Body, p99_ms: float) -> Forecast:
    """The replicas for a rate, with one spare.

    Args:
        record: measured loads of one replica.
        rate: requests per second.
        series: number of series in a request.
        body: format of the requests.
        p99_ms: the latency that 99 % of the requests may take, in milliseconds.

    Raises:
        RecordError: the record does not cover this.
    """
    curves = _around(record, body, series)
    loads = _loads_between(curves, series)
    limit = loads.limit(p99_ms)
    needed = math.ceil(rate / limit)
    replicas = needed + 1
    return Forecast(
        sizes=tuple(curve.series for curve in curves),
        limit=limit,
        is_highest=limit == loads.rates[-1],
        needed=needed,
        replicas=replicas,
        p99_ms=loads.p99_at(rate / replicas),
        degraded_p99_ms=loads.p99_at(rate / needed),
        busy_cores=replicas * loads.busy_at(rate / replicas),
    )


def loads_of(record: Record, *, body: Body, series: int) -> Loads:
    """The loads of requests of a size, measured or interpolated between two sizes.

    Raises:
        RecordError: the record does not cover this.
    """
    return _loads_between(_around(record, body, series), series)


def _around(record: Record, body: Body, series: int) -> list[Curve]:
    """The curve of a size, or those of the next smaller and the next larger one."""
    curves = sorted((curve for curve in record.curves if curve.body == body), key=lambda curve: curve.series)
    if not curves:
        raise RecordError(f"--body {body}: the record has no such requests; {REMEDY}")
    sizes = [curve.series for curve in curves]
    if not sizes[0] <= series <= sizes[-1]:
        raise RecordError(
            f"--series {series}: the record has requests of {sizes[0]} to {sizes[-1]} series as {body}; "
            f"{REMEDY} --series {series}"
        )
    place = bisect_left(sizes, series)
    return [curves[place]] if sizes[place] == series else curves[place - 1 : place + 1]


def _loads_between(curves: Sequence[Curve], series: int) -> Loads:
    """Interpolate between sizes, at equal shares of the highest rates.

    A request takes some CPU time, and some more for each series. So the time for which it keeps a replica
    busy, the inverse of the highest rate, is interpolated linearly, and so is the latency.
    """
    if len(curves) == 1:
        return _loads_of_curve(curves[0])
    small, large = map(_loads_of_curve, curves)
    weight = (series - curves[0].series) / (curves[1].series - curves[0].series)
    top = 1 / ((1 - weight) / small.rates[-1] + weight / large.rates[-1])
    shares = sorted({rate / loads.rates[-1] for loads in (small, large) for rate in loads.rates})

    def mixed(of_small: float, of_large: float) -> float:
        return (1 - weight) * of_small + weight * of_large

    return Loads(
        [share * top for share in shares],
        [mixed(*(loads.p99_at(share * loads.rates[-1]) for loads in (small, large))) for share in shares],
        [mixed(*(loads.busy_at(share * loads.rates[-1]) for loads in (small, large))) for share in shares],
    )


def _loads_of_curve(curve: Curve) -> Loads:
    return Loads(
        [point.rate for point in curve.points],
        list(accumulate((statistics.median(point.p99_ms) for point in curve.points), max)),
        [statistics.median(point.busy_cores) for point in curve.points],
    )


def interpolate(value: float, inputs: Sequence[float], outputs: Sequence[float]) -> float:
    """Linear interpolation; outside of the inputs, which ascend, the first or last output."""
    if value <= inputs[0]:
        return outputs[0]
    if value >= inputs[-1]:
        return outputs[-1]
    place = bisect_left(inputs, value)
    part = (value - inputs[place - 1]) / (inputs[place] - inputs[place - 1])
    return outputs[place - 1] + part * (outputs[place] - outputs[place - 1])
