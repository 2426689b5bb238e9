"""Measures each server's grid of settings; `tuned.py` has the chosen ones."""

from __future__ import annotations

from dataclasses import asdict

from benchmarks.peers import tables
from benchmarks.peers.errors import PeerError
from benchmarks.peers.golden import Golden
from benchmarks.peers.measure import left, log, run_load, suitable
from benchmarks.peers.plan import Plan
from benchmarks.peers.records import Record, Results
from benchmarks.peers.servers import BY_KEY
from benchmarks.peers.serving import serving
from benchmarks.peers.tuned import CHOSEN, Settings


def tune(plan: Plan, results: Results, golden: Golden) -> None:
    """Every combination of each server's grid, under the plan's loads, round by round."""
    for number in range(plan.rounds):
        for key in left(plan, results):
            for settings in CHOSEN[key].combinations():
                name = named(settings)
                try:
                    with serving(BY_KEY[key](settings), plan, golden) as server:
                        for load in suitable(server.peer, plan):
                            found = run_load(server, load, seconds=plan.seconds)
                            results.records.append(Record(f"{key}: {name}", load.key, number, asdict(found)))
                            log(f"{key}: {name}: {load.key} {found.rate:,.0f}/s, p99 {found.p99:.1f} ms")
                except PeerError as error:
                    log(f"{key}: {name}: {error}")
            results.save(plan.scratch / "results.json")


def named(settings: Settings) -> str:
    """Settings in a line."""
    return " ".join(f"{name}={value}" for name, value in settings.items()) or "as it is"


def table(plan: Plan, results: Results) -> str:
    """For each load, every server's settings, the best first."""
    columns = (tables.Column("requests/s", "rate", ",.0f"), tables.Column("p99 ms", "p99", ".1f"))
    subjects = list(dict.fromkeys(record.subject for record in results.records))
    sections = []
    for load in plan.loads:

        def order(subject: str, measure: str = load.key) -> tuple[str, float]:
            return subject.partition(":")[0], -(results.median(subject, measure, "rate") or 0)

        rows = [(subject, subject, load.key) for subject in sorted(subjects, key=order)]
        sections += [f"## {load.key}", tables.measured(results, rows, columns, "settings")]
    return "\n\n".join(sections) + "\n"
