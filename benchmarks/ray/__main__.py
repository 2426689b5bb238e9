"""`python -m benchmarks.ray`: measure, and write a table into a folder."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from app.contract import open_artifact
from app.errors import AppError
from benchmarks.peers import about, tables, wrk
from benchmarks.peers.bodies import Form, Request
from benchmarks.peers.errors import HarnessError, PeerError
from benchmarks.peers.golden import Golden, read_golden
from benchmarks.peers.measure import log
from benchmarks.peers.plan import Plan
from benchmarks.peers.processes import end_on_signals
from benchmarks.peers.records import Record, Results, spread
from benchmarks.peers.serving import Serving, serving
from benchmarks.ray.killed import BEFORE, CALLERS, kill_under_load
from benchmarks.ray.servers import SERVERS, TwoWorkers
from qa.harness import proc
from qa.harness.ray import is_installed

# Connections, and series as JSON in a request.
LOADS = ((1, 1), (32, 1), (4, 256))
WARM_UP = 1
KILL = "killed"
KILL_SECONDS = 10.0


def main() -> int:
    """Measure."""
    given = _options()
    end_on_signals()
    if not is_installed():
        print("Ray is not installed: make ray", file=sys.stderr)
        return 1
    try:
        given.out.mkdir(parents=True, exist_ok=True)
        results = _measure(given)
    except (HarnessError, AppError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    results.save(given.out / "ray.json")
    (given.out / "ray.md").write_text(text := report(results))
    print(text)
    return 1 if results.failures else 0


def report(results: Results) -> str:
    """What was measured, as Markdown."""
    facts = "\n".join(f"* {name}: {text}" for name, text in results.about.items())
    titles = {server.key: server.title for server in SERVERS}
    columns = [
        tables.Column("requests/s", "rate", ",.0f"),
        tables.Column("p50 ms", "p50", ".2f"),
        tables.Column("p99 ms", "p99", ".1f"),
        tables.Column("CPU ms a request", "cpu_ms", ".2f"),
    ]
    loads = [name(*load) for load in LOADS]
    rows = [(f"{titles[key]}, {load}", key, load) for load in loads for key in titles]
    ratios = [
        [
            load,
            *(spread(results.ratios(load, "rate", key, TwoWorkers.key), ".3f") for key in titles),
        ]
        for load in loads
    ]
    lost = [
        tables.Column("sent by the plain client", "plain_sent", ",.0f"),
        tables.Column("not answered with 200", "plain_failed", ".0f"),
        tables.Column("of these without a response", "plain_no_response", ".0f"),
        tables.Column("predictions of the retrying client", "answered", ",.0f"),
        tables.Column("sent again", "again", ".0f"),
        tables.Column("lost", "lost", ".0f"),
    ]
    memory = [tables.Column("MiB when idle", "mib", ",.0f"), tables.Column("s until ready", "ready", ".1f")]
    parts = (
        facts,
        tables.measured(results, rows, columns),
        "Requests/s over those of this server in the same round:",
        tables.table(["load", *titles.values()], ratios),
        tables.measured(results, [(titles[key], key, KILL) for key in titles], lost),
        tables.measured(results, [(titles[key], key, "start") for key in titles], memory),
        "\n".join(f"* {key}: {reason}" for key, reasons in results.failures.items() for reason in reasons),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def name(connections: int, series: int) -> str:
    """Of a load."""
    return f"{connections} conn., {series} series"


def _measure(given: argparse.Namespace) -> Results:
    scratch = given.cache.absolute() / "logs"
    scratch.mkdir(parents=True, exist_ok=True)
    model = open_artifact(given.artifact).folder.absolute()
    plan = Plan((), (), given.rounds, given.seconds, False, model, given.cache, scratch)
    results = Results(about.describe(plan, wrk=wrk.check()))
    results.about |= {
        "command": f"`{' '.join(['python -m benchmarks.ray', *about.without_folders(sys.argv[1:])])}`",
        "model": f"{model.parent.name}/{model.name}, JSON",
        "tools": f"wrk, {plan.seconds:g} s a load after {WARM_UP} s of warm-up; {plan.rounds} rounds, each "
        "with all servers, one after the other; on the cores of the servers",
        "killed": f"SIGKILL to one of the two after {BEFORE:g} of {KILL_SECONDS:g} s of load from {CALLERS} "
        f"connections without and {CALLERS} callers with retries",
    }
    golden = read_golden(model)
    for number in range(plan.rounds):
        # Each comes first, in the middle and last equally often, if there are three rounds.
        turn = number % len(SERVERS)
        for server in (*SERVERS[turn:], *SERVERS[:turn]):
            try:
                _turn(server(), plan, results, golden, number)
            except PeerError as error:
                results.failures.setdefault(server.key, []).append(str(error))
                log(f"{server.key}: {error}")
            results.save(scratch / "ray.json")
    return results


def _turn(server: TwoWorkers, plan: Plan, results: Results, golden: Golden, number: int) -> None:
    with serving(server, plan, golden) as running:
        running.process.wait_until(lambda: len(server.processes(running.process)) == 2, "at two processes")
        values: dict[str, float] = {
            "mib": running.process.memory().shared_once / 2**20,
            "ready": running.ready,
        }
        results.records.append(Record(server.key, "start", number, values))
        for connections, series in LOADS:
            request = server.request(Form.JSON, golden.rows(series))
            values = _load(running, request, connections=connections, seconds=plan.seconds)
            load = name(connections, series)
            results.records.append(Record(server.key, load, number, values))
            log(f"round {number + 1}: {server.key}: {load}: {values['rate']:,.0f}/s")
        victim = server.processes(running.process)[0]
        seen = asyncio.run(kill_under_load(running.port, victim, golden, seconds=KILL_SECONDS))
        results.records.append(Record(server.key, KILL, number, seen.values()))
        log(f"round {number + 1}: {server.key}: plain client: {dict(seen.plain)}; lost: {seen.lost}")


def _load(server: Serving, request: Request, *, connections: int, seconds: float) -> dict[str, float]:
    """Requests a second, and milliseconds of all of the server's processor time for each."""
    wrk.run(server.port, request, connections=connections, seconds=WARM_UP)
    before = _cpu_seconds(server)
    found = wrk.run(server.port, request, connections=connections, seconds=seconds)
    spent = _cpu_seconds(server) - before
    if found.failed:
        raise PeerError(f"{connections} connections: {found.failed} requests failed")
    values = {"rate": found.rate, "p50": found.p50, "p99": found.p99}
    return values | ({"cpu_ms": 1e3 * spent / (found.rate * seconds)} if found.rate else {})


def _cpu_seconds(server: Serving) -> float:
    return sum(proc.cpu_seconds(pid) for pid in server.process.pids)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ray", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/peers"), help="logs")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    parser.add_argument("--rounds", type=int, default=3, help="how often each server has its turn; default 3")
    parser.add_argument("--seconds", type=int, default=4, help="of each load; default 4")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
