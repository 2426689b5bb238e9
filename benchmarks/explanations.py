"""`python -m benchmarks.explanations`: the latency of predictions with and without explanations running.

One server, one load of predictions. Rounds alternate: predictions alone, then with clients that send one
request for explanations after the other. A difference within a round is due to the explanations. The load
generator is Python and shares the machine's cores, so absolute figures understate the server.
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
# Statuses of explanations: done, or refused because the background queue is full.
DONE, REFUSED = 200, 429


@dataclass(slots=True)
class Round:
    """What one round measured: latencies of predictions in seconds, and explanations by status."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    explained: dict[int, int] = field(default_factory=dict)

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
    explain: bytes,
    *,
    connections: int,
    explainers: int,
    seconds: float,
) -> Round:
    """Send predictions on some connections and explanations on others, one at a time on each."""
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

    async def explanations() -> None:
        client = await AsyncHttpClient.connect(port)
        while time.perf_counter() < end:
            response = await client.ask(explain, seconds=120)
            if response.status not in (DONE, REFUSED):
                raise RuntimeError(f"/explain responded with {response.status}: {response.body[:200]!r}")
            found.explained[response.status] = found.explained.get(response.status, 0) + 1
            if response.status == REFUSED:
                await asyncio.sleep(0.1)
        client.close()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(predictions())
        for _ in range(explainers):
            tasks.create_task(explanations())
    return found


def table(artifact: Artifact, options: argparse.Namespace) -> str:
    """Latencies of predictions, alone and with explanations, for each number of connections."""
    predict = post(json_body(artifact.golden.series[:1]), JSON)
    several = np.resize(artifact.golden.series, (options.series, *artifact.golden.series.shape[1:]))
    target = f"/explain?windows={options.windows}&bands={options.bands}&cells={options.cells}"
    explain = post(json_body(several), JSON, target=target)
    rows = [
        "| connections | explanations | predictions/s | p50 ms | p99 ms | explained/s | refused/s |",
        "|---|---|---|---|---|---|---|",
    ]
    with running_server(ARTIFACT=str(artifact.folder), LOG_LEVEL="error") as server:
        for connections in options.connections:
            rounds: dict[int, list[Round]] = {0: [], options.explainers: []}
            for number in range(options.rounds + 1):  # the first one is the warm-up
                for explainers, measured in rounds.items():
                    run = load(
                        server.port,
                        predict,
                        explain,
                        connections=connections,
                        explainers=explainers,
                        seconds=options.seconds if number else 1.0,
                    )
                    result = uvloop.run(run)
                    if number:
                        measured.append(result)
            rows += [_row(connections, explainers, measured) for explainers, measured in rounds.items()]
            rows.append(_differences(connections, *rounds.values()))
    return "\n".join(rows)


def _row(connections: int, explainers: int, rounds: list[Round]) -> str:
    cells = [
        f"{explainers} clients" if explainers else "none",
        spread([each.rate for each in rounds], ",.0f"),
        spread([each.milliseconds(0.5) for each in rounds], ".2f"),
        spread([each.milliseconds(0.99) for each in rounds], ".2f"),
        *(
            spread([each.explained.get(code, 0) / each.seconds for each in rounds], ".1f")
            for code in (DONE, REFUSED)
        ),
    ]
    return f"| {connections} | {' | '.join(cells)} |"


def _differences(connections: int, alone: list[Round], together: list[Round]) -> str:
    """The medians of the differences within a round."""
    more = [
        statistics.median(
            each.milliseconds(quantile) - before.milliseconds(quantile)
            for before, each in zip(alone, together, strict=True)
        )
        for quantile in (0.5, 0.99)
    ]
    return f"| {connections} | difference in a round | | {more[0]:+.2f} | {more[1]:+.2f} | | |"


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explanations", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32], help="of predictions")
    parser.add_argument("--explainers", type=int, default=2, help="clients that ask for explanations")
    parser.add_argument("--series", type=int, default=4, help="series in a request for explanations")
    parser.add_argument("--windows", type=int, default=10)
    parser.add_argument("--bands", type=int, default=25)
    parser.add_argument("--cells", default="10x25")
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of each load")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    artifact = open_artifact(options.artifact)
    if artifact.contract.explanation_reference is None:
        print(f"{artifact.folder} was sealed without an explanation reference", file=sys.stderr)
        return 1
    print(f"`python -m benchmarks.explanations {' '.join(sys.argv[1:])}`".replace(" `", "`"))
    print(f"on {machine()}, model {artifact.contract.name}/{artifact.contract.version}\n")
    print(table(artifact, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
