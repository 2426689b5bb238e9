"""`python -m benchmarks.protocols`: measure all protocols, and write a table into a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from app.contract import open_artifact
from app.errors import AppError
from benchmarks.peers import about, tables, wrk
from benchmarks.peers.errors import HarnessError, PeerError
from benchmarks.peers.golden import read_golden
from benchmarks.peers.plan import Plan
from benchmarks.peers.processes import end_on_signals
from benchmarks.peers.records import Results, read_results
from benchmarks.peers.servers.triton import Triton
from benchmarks.peers.targets import Target, Values
from benchmarks.protocols import measure
from benchmarks.protocols.loads import GRPC
from benchmarks.protocols.measure import ALONE, OURS, TRITON


def main() -> int:
    """Measure, or write the table of earlier results anew."""
    given = _options()
    try:
        given.out.mkdir(parents=True, exist_ok=True)
        results = read_results(given.again) if given.again else _measure(given)
    except (HarnessError, AppError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing is left running", file=sys.stderr)
        return 130
    results.save(given.out / "protocols.json")
    (given.out / "protocols.md").write_text(text := report(results))
    print(text)
    return 0


def report(results: Results) -> str:
    """The table of targets, and what was measured."""
    facts = "\n".join(f"* {name}: {text}" for name, text in results.about.items() if isinstance(text, str))
    heads = ("measure", "target", "reached: median (min-max)", "met")
    failures = "\n".join(
        f"* {key}: {reason}" for key, reasons in results.failures.items() for reason in reasons
    )
    rows = [target.row(results) for target in TARGETS]
    return (
        "\n\n".join(part for part in (facts, tables.table(heads, rows), _rates(results), failures) if part)
        + "\n"
    )


def _rates(results: Results) -> str:
    subjects = dict.fromkeys((record.subject, record.measure) for record in results.records)
    columns = [
        tables.Column("requests/s", "rate", ",.0f"),
        tables.Column("CPU us a request", "cpu_us", ",.0f"),
    ]
    rows = [(f"{subject}: {load}", subject, load) for subject, load in subjects]
    return tables.measured(results, rows, columns)


def _within(
    above: str, below: str, *, name: str = "rate", subject: str = OURS
) -> Callable[[Results], Values]:
    """The ratio of two loads on one server, round by round."""

    def values(results: Results) -> Values:
        over, under = results.values(subject, above, name), results.values(subject, below, name)
        return [over[number] / under[number] for number in over if under.get(number)]

    return values


def _over(load: str, than: str, *, name: str = "rate") -> Callable[[Results], Values]:
    return lambda results: results.ratios(load, name, OURS, than)


TARGETS = (
    Target(
        "V2 binary, 256 series, over native npy (series/s)", 0.95, True, _within("v2 binary", "native npy")
    ),
    Target(
        "V2 JSON, one series, over native JSON (requests/s)", 0.9, True, _within("v2 json", "native json")
    ),
    Target(
        "V1 JSON, one series, over native JSON (requests/s)", 0.9, True, _within("v1 json", "native json")
    ),
    Target(
        "V2 JSON, one series, over Triton's (requests/s)", 1.5, True, _over("v2 json, one output", TRITON)
    ),
    Target("V2 binary, 256 series, over Triton's (series/s)", 1.0, True, _over("v2 binary", TRITON)),
    Target("V2 gRPC, one series, 32 callers, over Triton's (requests/s)", 1.0, True, _over(GRPC, TRITON)),
    Target(
        "native JSON: processor time a request with all protocols on, over PROTOCOLS=native",
        1.02,
        False,
        _over("native json", ALONE, name="cpu_us"),
    ),
)


def _measure(given: argparse.Namespace) -> Results:
    end_on_signals()
    scratch = given.cache.absolute() / "logs"
    scratch.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        peers=(),
        loads=(),
        rounds=given.rounds,
        seconds=given.seconds,
        extras=False,
        model=open_artifact(given.artifact).folder.absolute(),
        environments=given.cache,
        scratch=scratch,
    )
    results = Results(about.describe(plan, wrk=wrk.check()))
    words = ["python -m benchmarks.protocols", *about.without_folders(sys.argv[1:])]
    results.about |= {
        "command": f"`{' '.join(words)}`",
        "model": f"{plan.model.parent.name}/{plan.model.name}, the same graph behind both, two workers",
        "tools": f"wrk over HTTP, `benchmarks/protocols/grpc_load.py` over gRPC; 32 connections or callers; "
        f"{plan.rounds} rounds, {plan.seconds:g} s a load after 1 s of warm-up; on the cores of the servers",
    }
    try:
        Triton().environment(given.cache).install()
    except PeerError as error:
        results.failures[TRITON] = [str(error)]
    measure.run(plan, results, read_golden(plan.model))
    return results


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.protocols", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/peers"), help="environments and logs")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    parser.add_argument("--rounds", type=int, default=5, help="how often each server has its turn; default 5")
    parser.add_argument("--seconds", type=int, default=4, help="of each load; default 4")
    parser.add_argument(
        "--again", type=Path, metavar="RESULTS", help="write the table of a protocols.json anew"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
