"""Closed loop: `wrk` keeps connections busy, each with one request at a time."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peers.bodies import Request
from benchmarks.peers.errors import HarnessError, PeerError

SCRIPT = Path(__file__).parent / "load.lua"
RESULT = "RESULT "
# wrk's timeout of a response, seconds.
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """The result of a load: responses with status 2xx per second, latencies in milliseconds, failures."""

    rate: float
    p50: float
    p90: float
    p99: float
    p999: float
    failed: int


def check() -> str:
    """The version of wrk.

    Raises:
        HarnessError: wrk is not installed.
    """
    path = shutil.which("wrk")
    if path is None:
        raise HarnessError("wrk is not installed; install it (on Debian: apt-get install wrk)")
    words = subprocess.run([path, "-v"], capture_output=True, text=True, check=False).stdout.split()
    return " ".join(words[:2])


def command(port: int, request: Request, body: str, *, connections: int, seconds: float) -> list[str]:
    """The command line; the body is in a file."""
    headers = [f"{name}: {value}" for name, value in request.headers.items()]
    # One thread is enough: it sends more than any server can compute on the other cores.
    options = [
        "--threads",
        "1",
        "--connections",
        str(connections),
        "--duration",
        f"{max(1, round(seconds))}s",
    ]
    url = f"http://127.0.0.1:{port}{request.path}"
    return ["wrk", *options, "--timeout", f"{PATIENCE}s", "--script", str(SCRIPT), url, "--", body, *headers]


def run(port: int, request: Request, *, connections: int, seconds: float) -> ClosedLoop:
    """Load a server on this machine.

    Args:
        port: of the server.
        request: the same every time.
        connections: number of connections.
        seconds: duration, rounded to at least 1.

    Raises:
        PeerError: wrk failed.
    """
    with TemporaryDirectory() as folder:
        body = Path(folder) / "body"
        body.write_bytes(request.body)
        line = command(port, request, str(body), connections=connections, seconds=seconds)
        try:
            ended = subprocess.run(
                line, capture_output=True, text=True, check=True, timeout=seconds + 2 * PATIENCE
            )
        except subprocess.CalledProcessError as error:
            raise PeerError(f"wrk failed: {error.stderr.strip()[:200]}") from error
        except subprocess.TimeoutExpired as error:
            raise PeerError(f"wrk did not end within {error.timeout:.0f} s") from error
    return parse(ended.stdout)


def parse(output: str) -> ClosedLoop:
    """Parse the output of `load.lua`.

    Raises:
        PeerError: there is no such line.
    """
    lines = [line for line in output.splitlines() if line.startswith(RESULT)]
    if not lines:
        raise PeerError(f"wrk printed no result: {output.strip()[:200]}")
    found = json.loads(lines[-1].removeprefix(RESULT))
    answered = max(0, found["requests"] - found["refused"])
    failed = found["refused"] + found["broken"] + found["timeouts"]
    # wrk prints 0 as the latency without responses.
    latencies = {
        name: found[name] / 1e3 if found["requests"] else math.nan for name in ("p50", "p90", "p99", "p999")
    }
    return ClosedLoop(rate=answered / (found["microseconds"] / 1e6), failed=failed, **latencies)
