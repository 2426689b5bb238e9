"""Mean wait in the queue, CPU use and refusals of one worker, at shares of its peak.

    python -m benchmarks.queue_wait

What autoscalers read: `timeseries_queue_seconds` and the CPU time of the process. Requests of 32 series as
npy are sent by the clock, evenly spaced. The peak is that of a closed loop on 32 connections, before that.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import uvloop

from app.contract import Artifact, open_artifact
from benchmarks.__main__ import machine
from benchmarks.memory import settings
from benchmarks.peers import steady
from benchmarks.peers.bodies import Request
from benchmarks.peers.schedule import Phase
from benchmarks.server import load
from benchmarks.timing import spread
from qa.harness import proc
from qa.harness.messages import as_npy
from qa.harness.process import ROOT
from qa.harness.server import ServerProcess, running_server

SHARES = (0.25, 0.5, 0.75, 0.9, 1.1, 1.5, 3.0)
ROWS, CONNECTIONS = 32, 32


class Figures(NamedTuple):
    """Of one load.

    Attributes:
        wait: mean seconds in the queue, of requests that were computed.
        cpu: CPU seconds of the server in a second.
        refused: share of requests that got 429.
    """

    wait: float
    cpu: float
    refused: float


def measure(artifact: Artifact, *, seconds: float) -> list[Figures]:
    """The figures of a new server at each share of its peak.

    Raises:
        PeerError: the client failed.
    """
    series = np.resize(artifact.golden.series, (ROWS, artifact.contract.input.length))
    request = Request("/predict", as_npy(series), {"Content-Type": "application/x-npy"})
    own: dict[str, Any] = settings()
    with running_server(**own, LOG_LEVEL="error") as server:
        closed = [uvloop.run(load(server.port, request.raw(server.port), CONNECTIONS, seconds)) for _ in "ab"]
        return [_at(server, request, share * closed[1].rate, seconds) for share in SHARES]


def _at(server: ServerProcess, request: Request, rate: float, seconds: float) -> Figures:
    before, began = _totals(server), time.monotonic()
    outcome = steady.run(server.port, request, [Phase(rate, seconds)], connections=1024)
    after, passed = _totals(server), time.monotonic() - began
    wait, count, cpu = (new - old for new, old in zip(after, before, strict=True))
    # The client starts and ends within `passed`, and sends for `seconds` of it.
    return Figures(wait / max(count, 1), cpu / min(passed, seconds), float(np.mean(outcome.status == 429)))


def _totals(server: ServerProcess) -> tuple[float, float, float]:
    names = ("timeseries_queue_seconds_sum", "timeseries_queue_seconds_count")
    return (*map(server.metric, names), proc.cpu_seconds(server.pid))  # type: ignore[return-value]


def table(rounds: Sequence[Sequence[Figures]]) -> str:
    """A row for each share of the peak, as median and range over servers."""
    rows = ["| load, of the peak | mean wait, ms | CPU use, cores | refused, % |", "|---|---|---|---|"]
    for share, *figures in zip(SHARES, *rounds, strict=True):
        cells = (
            spread([1e3 * one.wait for one in figures], ".1f"),
            spread([one.cpu for one in figures], ".2f"),
            spread([100 * one.refused for one in figures], ".0f"),
        )
        rows.append(f"| {share} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue_wait", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="number of servers, one after the other")
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of each load")
    options = parser.parse_args()
    artifact = open_artifact(ROOT / "model_artifacts" / "forda")
    rounds = [measure(artifact, seconds=options.seconds) for _ in range(options.rounds)]
    print(f"On {machine()}, {options.rounds} servers, median (min-max):\n\n{table(rounds)}")


if __name__ == "__main__":
    main()
