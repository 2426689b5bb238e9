"""The book of all requests: each is entered when it is sent, and gets its one outcome once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from qa.chaos.judge import Outcome, Verdict

# What the client cannot have been answered rightly by.
UNHAPPY = (Outcome.FAILED, Outcome.LOST, Outcome.WRONG)


@dataclass(slots=True)
class Entry:
    """One request.

    Attributes:
        kind: of its question.
        port: the client's, of the connection that it was sent on.
        sent: seconds on the monotonic clock.
        ended: the same; 0 until there is an outcome.
        verdict: None until there is an outcome.
        served_by: the replica, in the balancer's words; empty without a balancer.
        version: of the model, as the answer names it; None if it names none.
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
        """What became of it."""
        return self.verdict.outcome if self.verdict else None

    @property
    def seconds(self) -> float:
        """From its sending to its outcome."""
        return self.ended - self.sent


@dataclass(frozen=True, slots=True)
class Tally:
    """How many requests had which outcome. `sent` is their sum, or this raises: a request has one outcome."""

    sent: int
    answered: int
    refused: int
    failed: int
    lost: int
    wrong: int

    def __post_init__(self) -> None:
        """Add up."""
        if self.sent != self.answered + self.refused + self.failed + self.lost + self.wrong:
            raise ValueError(f"{self.sent} requests were sent, but the outcomes are {self}")


class Ledger:
    """All requests of a load."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._right: Counter[str] = Counter()

    def enter(self, kind: str, port: int) -> Entry:
        """A request is about to be sent."""
        entry = Entry(kind, port, time.monotonic())
        self.entries.append(entry)
        return entry

    def close(self, entry: Entry, verdict: Verdict, *, served_by: str = "") -> None:
        """A request has its outcome.

        Raises:
            ValueError: it had one.
        """
        if entry.verdict is not None:
            raise ValueError(f"a second outcome of one request: {verdict} after {entry.verdict}")
        entry.ended, entry.verdict, entry.served_by = time.monotonic(), verdict, served_by
        self._right[served_by] += verdict.outcome is Outcome.ANSWERED

    def tally(self) -> Tally:
        """The sums, once everything sent has its outcome."""
        of = Counter(entry.outcome for entry in self.entries)
        return Tally(len(self.entries), **{outcome.value: of[outcome] for outcome in Outcome})

    def right_answers(self, *, of: str | None = None) -> int:
        """How many requests were answered rightly until now, by anyone or by one replica."""
        return self._right.total() if of is None else self._right[of]

    def of(self, *outcomes: Outcome) -> list[Entry]:
        """The requests that had one of these outcomes, by the time they ended."""
        found = [entry for entry in self.entries if entry.outcome in outcomes]
        return sorted(found, key=lambda entry: entry.ended)

    def faults(self, *, most: int = 3) -> list[str]:
        """What was wrong with the first requests that were not answered, nor refused in order."""
        first = self.of(*UNHAPPY)[:most]
        return [
            f"{entry.kind}, {entry.verdict.outcome}: {entry.verdict.detail}"
            for entry in first
            if entry.verdict
        ]

    def rate(self) -> float:
        """Requests a second, from the first that was sent to the last that ended."""
        if len(self.entries) < 2:
            return 0.0
        last = max(entry.ended for entry in self.entries)
        return len(self.entries) / max(last - self.entries[0].sent, 1e-9)

    def longest_gap(self, since: float, until: float) -> float:
        """The longest time in seconds between two right answers, within a span of the monotonic clock."""
        ends = [entry.ended for entry in self.of(Outcome.ANSWERED) if since <= entry.ended <= until]
        return float(np.diff([since, *ends, until]).max())

    def latencies(self, since: float, until: float, *, kind: str | None = None) -> list[float]:
        """Seconds of the requests sent within a span and answered rightly; of all kinds or of one."""
        return [
            entry.seconds
            for entry in self.of(Outcome.ANSWERED)
            if since <= entry.sent < until and kind in (None, entry.kind)
        ]


def quantile_ms(seconds: Iterable[float], q: float) -> float:
    """A quantile in milliseconds; not a number where there is nothing."""
    values = list(seconds)
    return 1e3 * float(np.quantile(values, q)) if values else float("nan")
