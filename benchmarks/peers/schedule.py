"""Send times of an open loop, and the outcome of its requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LOST = 0  # the connection was closed
UNANSWERED = -1  # no response until the end

Times = NDArray[np.float64]


class Phase(NamedTuple):
    """A constant rate in requests per second, and its duration in seconds."""

    rate: float
    seconds: float


def intended_times(phases: Sequence[Phase]) -> Times:
    """Seconds after the start at which each request is due: evenly spaced, independent of responses."""
    parts, start = [], 0.0
    for phase in phases:
        count = max(1, round(phase.rate * phase.seconds))
        parts.append(start + np.arange(count) / phase.rate)
        start += phase.seconds
    return np.concatenate(parts)


class Schedule(NamedTuple):
    """The requests of an open loop.

    Attributes:
        times: seconds after the start at which each is due, ascending; float64[n].
        kinds: which of the load's requests each is, from 0; int64[n].
    """

    times: Times
    kinds: NDArray[np.int64]

    def save(self, path: Path) -> None:
        """Write it to a .npz file."""
        np.savez(path, times=self.times, kinds=self.kinds)


def read_schedule(path: Path) -> Schedule:
    """Read a file of `Schedule.save`."""
    with np.load(path, allow_pickle=False) as arrays:
        return Schedule(arrays["times"], arrays["kinds"])


def even_schedule(phases: Sequence[Phase]) -> Schedule:
    """One kind of request, evenly spaced."""
    times = intended_times(phases)
    return Schedule(times, np.zeros(len(times), np.int64))


def poisson_schedule(rate: float, seconds: float, *, shares: Sequence[float] = (1.0,), seed: int) -> Schedule:
    """Independent requests, as of many clients: a Poisson process with `round(rate * seconds)` arrivals.

    Given their number, its arrivals are independent and uniform over the time. Equal arguments give equal
    schedules.

    Args:
        rate: requests per second.
        seconds: duration.
        shares: probability of each kind; their sum is 1.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    count = max(1, round(rate * seconds))
    times = np.sort(random.uniform(0.0, seconds, count))
    return Schedule(times, random.choice(len(shares), count, p=shares))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of every request; times in seconds after the start.

    Attributes:
        intended: when it was due.
        sent: when it was sent on a connection; NaN if never.
        finished: when the last byte of its response was received; NaN if never.
        status: HTTP status, or `LOST` or `UNANSWERED`.
    """

    intended: Times
    sent: Times
    finished: Times
    status: NDArray[np.int64]

    @property
    def latency(self) -> Times:
        """Seconds from the time at which a request was due; includes waiting to be sent."""
        return self.finished - self.intended

    def between(self, start: float, end: float) -> Outcome:
        """The requests that were due between two times."""
        chosen = (self.intended >= start) & (self.intended < end)
        return Outcome(self.intended[chosen], self.sent[chosen], self.finished[chosen], self.status[chosen])

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Which requests got a status 2xx."""
        return (self.status >= 200) & (self.status < 300)

    def save(self, path: Path) -> None:
        """Write it to a .npz file."""
        np.savez(path, intended=self.intended, sent=self.sent, finished=self.finished, status=self.status)


def read_outcome(path: Path) -> Outcome:
    """Read a file of `Outcome.save`."""
    with np.load(path, allow_pickle=False) as arrays:
        return Outcome(arrays["intended"], arrays["sent"], arrays["finished"], arrays["status"])
