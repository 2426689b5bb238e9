"""`python -m benchmarks.client`: the Python client against wrk, for the same requests and responses.

Both ask the same server in turn, in requests of 256 series as npy with all fields in the response. wrk sends
the same bytes again and again; the client reads a memory-mapped file, checks it, and keeps the predictions.
The client's memory is measured while it runs: the slope is bytes a series beyond the predictions themselves.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from app.contract import open_artifact
from benchmarks.__main__ import machine
from benchmarks.peers import wrk
from benchmarks.peers.bodies import Request
from benchmarks.timing import spread
from qa.harness.messages import as_npy
from qa.harness.server import running_server

REQUEST_SERIES = 256
ACCEPT = "application/x-npy; fields=all"
# Run in a process of its own: its memory is the client's alone. Anonymous memory, because pages of the mapped
# file belong to the system's cache.
_CLIENT = """
import json, sys, time
from app.client import Client

url, path = sys.argv[1:]
samples = []

def note(done, _):
    if done >= 25_600 * (len(samples) + 1):
        text = open("/proc/self/status").read()
        samples.append((done, int(text.partition("RssAnon:")[2].split()[0]) * 1024))

with Client(url) as client:
    client.series_length()
    started = time.perf_counter()
    predictions = client.predict(path, progress=note)
    seconds = time.perf_counter() - started
    in_flight = client._client._limit.size
print(json.dumps({"count": len(predictions), "seconds": seconds, "samples": samples, "in_flight": in_flight,
                  "bytes": predictions._records.itemsize}))
"""


def main() -> int:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument("--series", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of each load of wrk")
    parser.add_argument("--connections", type=int, nargs="+", default=[4, 8], help="of wrk; the best counts")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    wrk.check()
    golden = open_artifact(options.artifact).golden.series
    headers = {"Content-Type": "application/x-npy", "Accept": ACCEPT}
    request = Request("/predict", as_npy(np.resize(golden, (REQUEST_SERIES, *golden.shape[1:]))), headers)
    rows: list[tuple[float, dict[str, Any]]] = []
    with TemporaryDirectory() as folder, running_server(WORKERS=str(options.workers)) as server:
        path = Path(folder) / "series.npy"
        write(path, golden, options.series)
        for _ in range(options.rounds):
            loads = [
                wrk.run(server.port, request, connections=connections, seconds=options.seconds)
                for connections in options.connections
            ]
            rows.append((REQUEST_SERIES * max(load.rate for load in loads), client_run(server.url, path)))
    print(f"`python -m benchmarks.client {' '.join(sys.argv[1:])}` on {machine()}\n")
    print(table(rows))
    return 0


def write(path: Path, series: np.ndarray, count: int) -> None:
    """A .npy file with so many series, whatever memory there is."""
    file = np.lib.format.open_memmap(path, "w+", np.float32, (count, *series.shape[1:]))
    for start in range(0, count, len(series)):
        file[start : start + len(series)] = series[: count - start]
    file.flush()


def client_run(url: str, path: Path) -> dict[str, Any]:
    """Score a file with the client, in a process of its own.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "-c", _CLIENT, url, str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def table(rows: list[tuple[float, dict[str, Any]]]) -> str:
    """The rates, their ratio in each round, and the slope of the client's memory."""
    rates = [found["count"] / found["seconds"] for _, found in rows]
    ratios = [100 * rate / peer for rate, (peer, _) in zip(rates, rows, strict=True)]
    slopes = [slope(found["samples"]) - found["bytes"] for _, found in rows]
    return "\n".join(
        (
            "| | median (min-max) |",
            "|---|---|",
            f"| wrk, series/s | {spread([peer for peer, _ in rows], ',.0f')} |",
            f"| client, series/s | {spread(rates, ',.0f')} |",
            f"| client / wrk in the same round, % | {spread(ratios, '.0f')} |",
            f"| client's memory, bytes a series beyond the predictions | {spread(slopes, '.1f')} |",
            f"| client, requests in flight at the end | {spread([f['in_flight'] for _, f in rows], '.0f')} |",
        )
    )


def slope(samples: list[tuple[int, int]]) -> float:
    """Bytes of memory a series, by least squares over the second half: the first one has buffers grow."""
    half = np.array(samples[len(samples) // 2 :], np.float64)
    return float(np.polyfit(half[:, 0], half[:, 1], 1)[0]) if len(half) > 2 else float("nan")


if __name__ == "__main__":
    sys.exit(main())
