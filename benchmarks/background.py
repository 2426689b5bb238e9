"""`python -m benchmarks.background`: predictions beside explanations and searches for neighbours.

One server, one load of predictions. Rounds alternate: predictions alone, then with clients that send one
request for explanations, or for neighbours, after the other. A difference within a round is due to these.
The load generator is Python and shares the machine's cores, so absolute figures understate the server.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import uvloop

from app.contract import Artifact, open_artifact
from benchmarks.__main__ import machine
from benchmarks.bodies import json_body
from benchmarks.timing import spread
from qa.harness.async_http_client import AsyncHttpClient
from qa.harness.messages import post
from qa.harness.server import running_server

JSON = [("Content-Type", "application/json")]
# Statuses of background requests: done, or refused because their queue is full.
DONE, REFUSED = 200, 429


@dataclass(slots=True)
class Round:
    """What one round measured: latencies of predictions in seconds, and background requests by status."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    background: dict[int, int] = field(default_factory=dict)

    def milliseconds(self, quantile: float) -> float:
        """A quantile of the latencies."""
        return 1e3 * float(np.quantile(self.latencies, quantile))

    @property
    def rate(self) -> float:
        """Predictions per second."""
        return len(self.latencies) / self.seconds


async def load(
    port: int,
    predict: bytes,
    background: bytes | None,
    *,
    connections: int,
    clients: int,
    seconds: float,
) -> Round:
    """Send predictions on some connections and background requests on others, one at a time on each."""
    found = Round(seconds)
    end = time.perf_counter() + seconds

    async def predictions() -> None:
        client = await AsyncHttpClient.connect(port)
        while (started := time.perf_counter()) < end:
            response = await client.ask(predict, seconds=60)
            if response.status != DONE:
                raise RuntimeError(f"/predict responded with {response.status}: {response.body[:200]!r}")
            found.latencies.append(time.perf_counter() - started)
        client.close()

    async def others(message: bytes) -> None:
        client = await AsyncHttpClient.connect(port)
        while time.perf_counter() < end:
            response = await client.ask(message, seconds=120)
            if response.status not in (DONE, REFUSED):
                raise RuntimeError(f"the server responded with {response.status}: {response.body[:200]!r}")
            found.background[response.status] = found.background.get(response.status, 0) + 1
            if response.status == REFUSED:
                await asyncio.sleep(0.1)
        client.close()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(predictions())
        for _ in range(clients if background else 0):
            tasks.create_task(others(background or b""))
    return found


def table(artifact: Artifact, options: argparse.Namespace) -> str:
    """Latencies of predictions, alone and beside background requests, for each number of connections."""
    predict = post(json_body(artifact.golden.series[:1]), JSON)
    several = np.resize(artifact.golden.series, (options.series, *artifact.golden.series.shape[1:]))
    target = f"/explain?windows={options.windows}&bands={options.bands}&cells={options.cells}"
    messages = {
        "none": None,
        "explanations": post(json_body(several), JSON, target=target),
        "neighbours": post(json_body(several), JSON, target=f"/predict?neighbours={options.neighbours}"),
    }
    rows = [
        "| connections | background | predictions/s | p50 ms | p99 ms | done/s | refused/s |",
        "|---|---|---|---|---|---|---|",
    ]
    with running_server(ARTIFACT=str(artifact.folder), LOG_LEVEL="error") as server:
        for connections in options.connections:
            rounds: dict[str, list[Round]] = {name: [] for name in messages}
            for number in range(options.rounds + 1):  # the first one is the warm-up
                for name, measured in rounds.items():
                    run = load(
                        server.port,
                        predict,
                        messages[name],
                        connections=connections,
                        clients=options.clients,
                        seconds=options.seconds if number else 1.0,
                    )
                    result = uvloop.run(run)
                    if number:
                        measured.append(result)
            rows += [_row(connections, name, measured) for name, measured in rounds.items()]
            rows += [
                _differences(connections, name, rounds["none"], rounds[name])
                for name in ("explanations", "neighbours")
            ]
    return "\n".join(rows)


def _row(connections: int, name: str, rounds: list[Round]) -> str:
    cells = [
        name,
        spread([each.rate for each in rounds], ",.0f"),
        spread([each.milliseconds(0.5) for each in rounds], ".2f"),
        spread([each.milliseconds(0.99) for each in rounds], ".2f"),
        *(
            spread([each.background.get(code, 0) / each.seconds for each in rounds], ".1f")
            for code in (DONE, REFUSED)
        ),
    ]
    return f"| {connections} | {' | '.join(cells)} |"


def _differences(connections: int, name: str, alone: list[Round], together: list[Round]) -> str:
    """The medians of the differences within a round."""
    more = [
        statistics.median(
            each.milliseconds(quantile) - before.milliseconds(quantile)
            for before, each in zip(alone, together, strict=True)
        )
        for quantile in (0.5, 0.99)
    ]
    return f"| {connections} | {name}: difference in a round | | {more[0]:+.2f} | {more[1]:+.2f} | | |"


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.background", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32], help="of predictions")
    parser.add_argument("--clients", type=int, default=2, help="of background requests")
    parser.add_argument("--series", type=int, default=4, help="series in a background request")
    parser.add_argument("--windows", type=int, default=10)
    parser.add_argument("--bands", type=int, default=25)
    parser.add_argument("--cells", default="10x25")
    parser.add_argument("--neighbours", type=int, default=5, help="of each series")
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of each load")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    artifact = open_artifact(options.artifact)
    if artifact.contract.perturbations is None or artifact.contract.neighbours is None:
        print(f"{artifact.folder} was sealed without an explanation reference or an index", file=sys.stderr)
        return 1
    print(f"`python -m benchmarks.background {' '.join(sys.argv[1:])}`".replace(" `", "`"))
    print(f"on {machine()}, model {artifact.contract.name}/{artifact.contract.version}\n")
    print(table(artifact, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
