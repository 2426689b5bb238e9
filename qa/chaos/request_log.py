"""The log of all requests of a load: each is added when it is sent and gets exactly one outcome."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from qa.chaos.oracle import Outcome, Verdict

# Outcomes without a correct response and without a proper refusal.
UNSUCCESSFUL = (Outcome.FAILED, Outcome.LOST, Outcome.WRONG)


@dataclass(slots=True)
class Entry:
    """One request.

    Attributes:
        kind: kind of the request, see `Request.kind`.
        port: client port of the connection.
        sent: moment of sending, in seconds on the monotonic clock.
        ended: moment of the outcome, likewise; 0 until then.
        verdict: None until there is an outcome.
        served_by: the balancer's name of the replica; empty without a balancer.
        version: model version in the response; None if it has none.
    """

    kind: str
    port: int
    sent: float
    ended: float = 0.0
    verdict: Verdict | None = None
    served_by: str = ""
    version: int | None = None

    @property
    def outcome(self) -> Outcome | None:
        """The outcome; None until there is one."""
        return self.verdict.outcome if self.verdict else None

    @property
    def seconds(self) -> float:
        """Seconds from sending to the outcome."""
        return self.ended - self.sent


@dataclass(frozen=True, slots=True)
class Tally:
    """Numbers of requests by outcome; raises if `sent` is not their sum: each request has one outcome."""

    sent: int
    answered: int
    refused: int
    failed: int
    lost: int
    wrong: int

    def __post_init__(self) -> None:
        """Check the sum."""
        if self.sent != self.answered + self.refused + self.failed + self.lost + self.wrong:
            raise ValueError(f"{self.sent} requests were sent, but the outcomes are {self}")


class RequestLog:
    """All requests of a load."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._correct: Counter[str] = Counter()

    def add(self, kind: str, port: int) -> Entry:
        """Log a request that is about to be sent."""
        entry = Entry(kind, port, time.monotonic())
        self.entries.append(entry)
        return entry

    def finish(self, entry: Entry, verdict: Verdict, *, served_by: str = "") -> None:
        """Set the outcome of a request.

        Raises:
            ValueError: it already has one.
        """
        if entry.verdict is not None:
            raise ValueError(f"a second outcome of one request: {verdict} after {entry.verdict}")
        entry.ended, entry.verdict, entry.served_by = time.monotonic(), verdict, served_by
        self._correct[served_by] += verdict.outcome is Outcome.ANSWERED

    def tally(self) -> Tally:
        """Count the outcomes; every request must have one."""
        of = Counter(entry.outcome for entry in self.entries)
        return Tally(len(self.entries), **{outcome.value: of[outcome] for outcome in Outcome})

    def correct_responses(self, *, of: str | None = None) -> int:
        """Number of correct responses so far, of all replicas or of one."""
        return self._correct.total() if of is None else self._correct[of]

    def of(self, *outcomes: Outcome) -> list[Entry]:
        """Requests with one of these outcomes, by the moment they ended."""
        found = [entry for entry in self.entries if entry.outcome in outcomes]
        return sorted(found, key=lambda entry: entry.ended)

    def faults(self, *, most: int = 3) -> list[str]:
        """Describe the first failed, lost and wrong requests."""
        first = self.of(*UNSUCCESSFUL)[:most]
        return [
            f"{entry.kind}, {entry.verdict.outcome}: {entry.verdict.detail}"
            for entry in first
            if entry.verdict
        ]

    def rate(self) -> float:
        """Requests per second, from the first one sent to the last one ended."""
        if len(self.entries) < 2:
            return 0.0
        last = max(entry.ended for entry in self.entries)
        return len(self.entries) / max(last - self.entries[0].sent, 1e-9)

    def longest_gap(self, since: float, until: float) -> float:
        """Longest time in seconds between two correct responses, within a span of the monotonic clock."""
        ends = [entry.ended for entry in self.of(Outcome.ANSWERED) if since <= entry.ended <= until]
        return float(np.diff([since, *ends, until]).max())

    def latencies(self, since: float, until: float, *, kind: str | None = None) -> list[float]:
        """Seconds of the requests sent within a span that got a correct response, of all kinds or of one."""
        return [
            entry.seconds
            for entry in self.of(Outcome.ANSWERED)
            if since <= entry.sent < until and kind in (None, entry.kind)
        ]


def quantile_ms(seconds: Iterable[float], q: float) -> float:
    """A quantile in milliseconds; NaN without values."""
    values = list(seconds)
    return 1e3 * float(np.quantile(values, q)) if values else float("nan")
