"""Overload at three times the peak rate: throughput, time to refuse, and recovery."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import steady
from benchmarks.peers.bodies import Request
from benchmarks.peers.schedule import LOST, UNANSWERED, Outcome, Phase

TIMES = 3.0
CALM = 0.5  # of the peak, before and after
BEFORE, AFTER = 2.0, 5.0  # seconds of calm
IN_TIME = 2.0  # seconds: later responses do not count
# More than the requests that the server computes in MAX_QUEUE_SECONDS (1 s) under this load: otherwise the
# excess would wait in this client, and nothing would be refused. Opened beforehand, as a balancer's are.
CONNECTIONS = 6144
RECOVERED = 0.1  # seconds: a slower response shows that the server still has a backlog
REFUSALS = (429, 503, 504)


def overload(port: int, request: Request, *, peak: float, seconds: float) -> dict[str, float]:
    """Calm, overload, calm.

    Args:
        port: the server's.
        request: the same every time.
        peak: its requests/s in a closed loop.
        seconds: of overload.

    Raises:
        PeerError: the client failed.
    """
    phases = [Phase(CALM * peak, BEFORE), Phase(TIMES * peak, seconds), Phase(CALM * peak, AFTER)]
    outcome = steady.run(port, request, phases, connections=CONNECTIONS)
    return evaluate(outcome, peak=peak, start=BEFORE, end=BEFORE + seconds)


def evaluate(outcome: Outcome, *, peak: float, start: float, end: float) -> dict[str, float]:
    """The figures of an overload from `start` to `end`.

    Returns:
        `offered`: requests/s that were sent, over the peak. `answered`: correct responses in time per second
        of the overload, over the peak. `refused_p50_ms`, `refused_p99_ms`: of refusals,
        from when they were sent. `lost`: requests without a response. `recovery_s`: after the overload's end,
        until all requests get responses in time.
    """
    during = outcome.between(start, end)
    in_time = outcome.answered & (outcome.latency <= IN_TIME)
    finished = in_time & (outcome.finished >= start) & (outcome.finished < end)
    sent = (outcome.sent >= start) & (outcome.sent < end)
    refused = np.isin(during.status, REFUSALS)
    waits = 1e3 * (during.finished - during.sent)[refused]
    p50, p99 = np.quantile(waits, [0.5, 0.99]).tolist() if len(waits) else (0.0, 0.0)
    good = outcome.latency[outcome.answered & (outcome.intended >= start) & (outcome.intended < end)]
    return {
        "peak": peak,
        "offered": float(np.sum(sent)) / (end - start) / peak,
        "answered": float(np.sum(finished)) / (end - start) / peak,
        "answered_p50_ms": 1e3 * float(np.median(good)) if len(good) else float("nan"),
        "refused": float(np.sum(refused)),
        "refused_p50_ms": p50,
        "refused_p99_ms": p99,
        "lost": float(np.sum(np.isin(outcome.status, (LOST, UNANSWERED)))),
        "recovery_s": _recovery(outcome, after=end),
    }


def _recovery(outcome: Outcome, *, after: float) -> float:
    """Seconds after the overload until the last request that was refused, late or lost had been due."""
    later = outcome.intended >= after
    bad = later & ~(outcome.answered & (outcome.latency <= RECOVERED))
    return float(outcome.intended[bad].max() - after) if bad.any() else 0.0
