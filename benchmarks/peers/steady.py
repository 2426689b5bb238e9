"""Runs the open-loop client against a server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.peers.bodies import Request
from benchmarks.peers.errors import PeerError
from benchmarks.peers.schedule import Outcome, Phase, Schedule, even_schedule, read_outcome

WARM_UP = 1.0  # seconds of warm-up that are not counted


def run(port: int, request: Request, phases: Sequence[Phase], *, connections: int = 64) -> Outcome:
    """Send at constant rates from a separate process.

    Raises:
        PeerError: the client failed.
    """
    return send(port, [request], even_schedule(phases), connections=connections)


def send(port: int, requests: Sequence[Request], schedule: Schedule, *, connections: int = 64) -> Outcome:
    """Send the requests of a schedule from a separate process.

    Args:
        port: the server's.
        requests: one for each of the schedule's kinds.
        schedule: when each is due.
        connections: opened before the start.

    Returns:
        The outcome of every request, in the schedule's order.

    Raises:
        PeerError: the client failed.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / "outcome.npz"
        raw = [folder / f"request-{kind}" for kind in range(len(requests))]
        for file, request in zip(raw, requests, strict=True):
            file.write_bytes(request.raw(port))
        schedule.save(folder / "schedule.npz")
        command = [sys.executable, "-m", "benchmarks.peers.open_loop", "--port", str(port)]
        command += ["--request", *map(str, raw), "--schedule", str(folder / "schedule.npz")]
        command += ["--out", str(out), "--connections", str(connections)]
        seconds = float(schedule.times[-1]) + 60
        try:
            subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds)
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or ["no reason"]
            raise PeerError(f"the open-loop client failed: {lines[-1][:200]}") from error
        except subprocess.TimeoutExpired as error:
            raise PeerError(f"the open-loop client did not end within {seconds:.0f} s") from error
        return read_outcome(out)


def steady(port: int, request: Request, *, rate: float, seconds: float) -> dict[str, float]:
    """Latencies in milliseconds at a constant rate.

    Raises:
        PeerError: no request got a prediction.
    """
    whole = run(port, request, [Phase(rate, WARM_UP + seconds)])
    counted = whole.between(WARM_UP, WARM_UP + seconds)
    good = counted.answered
    if not good.any():
        raise PeerError(f"at a constant {rate:.0f} requests/s no request got a prediction")
    latencies = 1e3 * counted.latency[good]
    p50, p90, p99, p999 = np.quantile(latencies, [0.5, 0.9, 0.99, 0.999]).tolist()
    late = 1e3 * (counted.sent - counted.intended)[np.isfinite(counted.sent)]
    return {
        "rate": rate,
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "p999": p999,
        "max": float(latencies.max()),
        "late_p99": float(np.quantile(late, 0.99)),
        "failed": float(np.sum(~good)),
    }
