"""Rounds: this server with all protocols, with its own alone, and Triton, each loaded in turn."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peers import wrk
from benchmarks.peers.errors import PeerError
from benchmarks.peers.golden import Golden
from benchmarks.peers.measure import log
from benchmarks.peers.plan import Plan
from benchmarks.peers.records import Record, Results
from benchmarks.peers.servers.base import Peer
from benchmarks.peers.servers.ours import OursTwoWorkers
from benchmarks.peers.servers.triton import Triton
from benchmarks.peers.serving import Serving, serving
from benchmarks.protocols.loads import CONNECTIONS, GRPC, LOADS, NATIVE, Load, grpc_message
from qa.harness import proc
from qa.harness.server import free_port

WARM_UP = 1
OURS, ALONE, TRITON = "ours", "native alone", "triton"


def run(plan: Plan, results: Results, golden: Golden) -> None:
    """All rounds; a server that fails is noted, and the others go on."""
    for number in range(plan.rounds):
        # The two whose processor time is compared change places, so that neither always comes first.
        first = (OURS, ALONE) if number % 2 else (ALONE, OURS)
        for key in (*first, TRITON):
            try:
                _turn(key, plan, results, golden, number)
            except PeerError as error:
                results.failures.setdefault(key, []).append(str(error))
                log(f"{key}: {error}")
            results.save(plan.scratch / "protocols.json")


@contextmanager
def _started(key: str, plan: Plan, golden: Golden) -> Iterator[tuple[Serving, int | None]]:
    """A server, and its port for gRPC if it has one."""
    grpc = None if key == ALONE else free_port()
    peer: Peer
    if key == TRITON:
        peer = Triton(grpc_port=grpc)
    else:
        own = OursTwoWorkers()
        protocols = {"protocols": "native"} if grpc is None else {"grpc_port": grpc}
        peer = OursTwoWorkers({**own.settings, **protocols})
    with serving(peer, plan, golden) as server:
        yield server, grpc


def _turn(key: str, plan: Plan, results: Results, golden: Golden, number: int) -> None:
    with _started(key, plan, golden) as (server, grpc):
        loads = [NATIVE] if key == ALONE else [load for load in LOADS if key == OURS or load.of_triton]
        for load in loads:
            values = _over_http(server, load, golden, seconds=plan.seconds)
            results.records.append(Record(key, load.key, number, values))
            log(f"round {number + 1}: {key}: {load.key}: {values['rate']:,.0f}/s, {values['cpu_us']:.0f} us")
        if grpc is not None:
            values = _over_grpc(grpc, golden, server, seconds=plan.seconds)
            results.records.append(Record(key, GRPC, number, values))
            log(f"round {number + 1}: {key}: gRPC: {values['rate']:,.0f}/s, {values['cpu_us']:.0f} us")


def _over_http(server: Serving, load: Load, golden: Golden, *, seconds: float) -> dict[str, float]:
    """Requests a second, and microseconds of the server's processor time for each."""
    request = load.make(golden.rows(load.series))
    wrk.run(server.port, request, connections=CONNECTIONS, seconds=WARM_UP)
    server.settle()
    before = _cpu_seconds(server)
    found = wrk.run(server.port, request, connections=CONNECTIONS, seconds=seconds)
    spent = _cpu_seconds(server) - before
    if found.failed:
        raise PeerError(f"{load.key}: {found.failed} requests failed")
    return {"rate": found.rate, "p50": found.p50, "p99": found.p99, **_cpu(spent, found.rate, seconds)}


def _over_grpc(port: int, golden: Golden, server: Serving, *, seconds: float) -> dict[str, float]:
    with TemporaryDirectory() as folder:
        message = Path(folder) / "message"
        message.write_bytes(grpc_message(golden.rows(1)))
        command = [sys.executable, "-m", "benchmarks.protocols.grpc_load", "--port", str(port)]
        command += ["--message", str(message), "--callers", str(CONNECTIONS)]
        _client([*command, "--seconds", str(WARM_UP)])
        before = _cpu_seconds(server)
        found = _client([*command, "--seconds", str(seconds)])
        spent = _cpu_seconds(server) - before
    if found["failed"]:
        raise PeerError(f"gRPC: {found['failed']:.0f} requests failed")
    return {"rate": found["rate"], **_cpu(spent, found["rate"], seconds)}


def _client(command: list[str]) -> dict[str, float]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    except subprocess.CalledProcessError as error:
        raise PeerError(f"the gRPC client failed: {error.stderr.strip()[-200:]}") from error
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _cpu_seconds(server: Serving) -> float:
    return sum(proc.cpu_seconds(pid) for pid in server.process.pids)


def _cpu(spent: float, rate: float, seconds: float) -> dict[str, float]:
    return {"cpu_us": 1e6 * spent / (rate * seconds)} if rate else {}
