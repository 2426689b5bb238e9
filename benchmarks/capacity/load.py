"""One load: requests of one size, sent by the clock, at random times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import fleet
from benchmarks.peers import steady
from benchmarks.peers.bodies import Array, Request, instances, npy
from benchmarks.peers.processes import Running
from benchmarks.peers.schedule import poisson_schedule

WARM_UP = 1.0  # seconds that are not counted
# For a percentile that depends on more than one or two requests.
LEAST_REQUESTS = 300
# Of the given duration: a slow machine would take hours for so many.
MOST_TIMES = 4


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of a load.

    Attributes:
        p99_ms: 99th percentile in milliseconds from when a request was due; infinity if some failed.
        busy_cores: CPU seconds of the replicas per second.
        failed: requests without a prediction.
    """

    p99_ms: float
    busy_cores: float
    failed: int


def request_of(series: Array, count: int, body: str) -> Request:
    """A request of so many series, as `json` or `npy`."""
    rows = np.resize(series, (count, *series.shape[1:]))
    return instances("/predict", rows) if body == "json" else npy("/predict", rows)


def load(
    port: int, request: Request, replicas: Sequence[Running], *, rate: float, seconds: float, seed: int
) -> Measured:
    """Send at a rate for `seconds`, or up to four times as long for `LEAST_REQUESTS`.

    Args:
        port: of a replica or of the balancer.
        request: the same every time.
        replicas: whose CPU time is measured.
        rate: requests per second.
        seconds: duration after the warm-up.
        seed: of the arrival times.

    Raises:
        PeerError: the client failed.
    """
    duration = min(max(seconds, LEAST_REQUESTS / rate), MOST_TIMES * seconds)
    schedule = poisson_schedule(rate, WARM_UP + duration, seed=seed)
    before = fleet.cpu_seconds(replicas)
    outcome = steady.send(port, [request], schedule)
    busy = (fleet.cpu_seconds(replicas) - before) / float(schedule.times[-1])
    counted = outcome.intended >= WARM_UP
    failed = int(np.sum(~outcome.answered[counted]))
    p99 = float("inf") if failed else 1e3 * float(np.quantile(outcome.latency[counted], 0.99))
    return Measured(p99, busy, failed)
