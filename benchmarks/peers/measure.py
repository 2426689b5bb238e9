"""Rounds: all servers, one after the other. A failure is recorded, and the others continue."""

from __future__ import annotations

import time
from dataclasses import asdict

from benchmarks.peers import bare, steady, wrk
from benchmarks.peers.bodies import Form
from benchmarks.peers.errors import PeerError
from benchmarks.peers.golden import Golden
from benchmarks.peers.overload import overload
from benchmarks.peers.plan import MAIN, Load, Plan
from benchmarks.peers.records import Record, Results
from benchmarks.peers.servers import BY_KEY
from benchmarks.peers.servers.base import Peer
from benchmarks.peers.serving import Serving, serving

WARM_UP = 1  # seconds before each load
MEGABYTE = 1e6
# The constant rate must be well below a server's own peak: above it, only waiting would be measured.
ROOM = 1.2
COMPARED = ("ours", "ours-2", "triton")  # these get it in any case
CHANCES = 2  # failures after which a server is left out
OVERLOADS = (Load(Form.JSON, 1, 32), Load(Form.BINARY, 32, 32))


def install(plan: Plan, results: Results) -> tuple[str, ...]:
    """Install every server and record its versions; return the servers that can be measured."""
    installed = []
    for key in plan.peers:
        environment = BY_KEY[key]().environment(plan.environments)
        try:
            if environment is not None:
                environment.install()
                results.about.setdefault("packages", {})[key] = environment.versions()
            installed.append(key)
        except PeerError as error:
            fail(results, key, error)
    return tuple(installed)


def closed_loops(plan: Plan, results: Results, golden: Golden) -> None:
    """All loads on all servers, round by round, and the bare engine at the start of each."""
    for number in range(plan.rounds):
        engine = bare.measure(plan.model, seconds=plan.seconds)
        results.records.append(Record("engine", "bare", number, engine))
        for key in left(plan, results):
            try:
                _turn(BY_KEY[key](), plan, results, golden, number)
            except PeerError as error:
                fail(results, key, error)
            results.save(plan.scratch / "results.json")


def constant_rate(plan: Plan, results: Results, golden: Golden) -> None:
    """Measure half of Triton's peak, sent by the clock, on every server with a higher peak."""
    peak = results.median("triton", MAIN.key, "rate")
    if peak is None:
        return
    able = [
        key
        for key in left(plan, results)
        if key in COMPARED or (results.median(key, MAIN.key, "rate") or 0) > ROOM * peak / 2
    ]
    for number in range(plan.rounds):
        for key in able:
            peer = BY_KEY[key]()
            try:
                with serving(peer, plan, golden) as server:
                    request = peer.request(MAIN.form, golden.rows(MAIN.series))
                    values = steady.steady(server.port, request, rate=peak / 2, seconds=2 * plan.seconds)
                results.records.append(Record(key, "steady", number, values))
                log(f"steady {number + 1}: {key}: p50 {values['p50']:.2f} ms, p99 {values['p99']:.2f} ms")
            except PeerError as error:
                fail(results, key, error)
        results.save(plan.scratch / "results.json")


def overloads(plan: Plan, results: Results, golden: Golden) -> None:
    """Measure this server at three times its capacity, with one worker, to leave the client a core.

    The queue has the default limits; connections have no limit, because the load needs more than the default.
    """
    key = "ours"
    if key not in left(plan, results):
        return
    peer = BY_KEY[key]({"workers": 1, "max_connections": 0})
    for number in range(plan.rounds):
        for load in OVERLOADS:
            request = peer.request(load.form, golden.rows(load.series))
            try:
                with serving(peer, plan, golden) as server:
                    peak = run_load(server, load, seconds=plan.seconds).rate
                    values = overload(server.port, request, peak=peak, seconds=2 * plan.seconds)
                results.records.append(Record(key, f"overload {load.key}", number, values))
                log(f"overload {number + 1}: {load.key}: {values['answered']:.0%} of the peak in time")
            except PeerError as error:
                fail(results, key, error)
        results.save(plan.scratch / "results.json")


def _turn(peer: Peer, plan: Plan, results: Results, golden: Golden, number: int) -> None:
    """Measure one server in a round."""
    with serving(peer, plan, golden) as server:
        start = {"ready_s": server.ready, "answered_s": server.answered, "difference": server.difference}
        results.about.setdefault("commands", {})[peer.key] = server.command
        idle = server.process.memory()
        rates = []
        for load in suitable(peer, plan):
            found = run_load(server, load, seconds=plan.seconds)
            results.records.append(Record(peer.key, load.key, number, asdict(found)))
            rates.append(f"{load.key} {found.rate:,.0f}/s")
        busy = server.process.memory()
        memory = {
            "idle_mb": idle.resident / MEGABYTE,
            "idle_once_mb": idle.shared_once / MEGABYTE,
            "busy_mb": busy.resident / MEGABYTE,
            "busy_once_mb": busy.shared_once / MEGABYTE,
        }
        results.records.append(Record(peer.key, "start", number, {**start, **memory}))
        log(f"round {number + 1}: {peer.key}: ready after {server.ready:.1f} s; {', '.join(rates)}")


def run_load(server: Serving, load: Load, *, seconds: float) -> wrk.ClosedLoop:
    """Warm up, wait until the server is idle, and load it."""
    request = server.peer.request(load.form, server.golden.rows(load.series))
    wrk.run(server.port, request, connections=load.connections, seconds=WARM_UP)
    server.settle()
    found = wrk.run(server.port, request, connections=load.connections, seconds=seconds)
    server.settle()
    return found


def suitable(peer: Peer, plan: Plan) -> list[Load]:
    """The plan's loads that a server supports."""
    return [
        load for load in plan.loads if load.form in peer.forms and load.connections <= peer.max_connections
    ]


def left(plan: Plan, results: Results) -> list[str]:
    """The servers that have not failed for good."""
    return [key for key in plan.peers if len(results.failures.get(key, [])) < CHANCES]


def fail(results: Results, key: str, error: PeerError) -> None:
    """Record why a server was not measured."""
    results.failures.setdefault(key, []).append(str(error))
    log(f"{key}: {error}")


def log(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
