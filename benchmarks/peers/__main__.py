"""`python -m benchmarks.peers`: install the other servers, load each in turn, and write a report."""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from app.contract import open_artifact
from app.errors import AppError
from benchmarks.peers import about, measure, plots, report, tuning, wrk
from benchmarks.peers.errors import HarnessError
from benchmarks.peers.golden import Golden, read_golden
from benchmarks.peers.plan import BIG_BINARY, LOADS, MAIN, Plan
from benchmarks.peers.processes import end_on_signals
from benchmarks.peers.records import Results, read_results
from benchmarks.peers.servers import BY_KEY, QUICK
from benchmarks.peers.tuned import CHOSEN
from qa.harness.proc import raise_file_limit

QUICK_LOADS = (MAIN,)
TUNING = (MAIN, BIG_BINARY)
LOAD_KEYS = {load.key: load for load in LOADS}


def main() -> int:
    """Measure, and write `report.md`, pictures and `results.json` into a folder."""
    options = _options()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        if options.again:
            _write(read_results(options.again), options.out)
            return 0
        end_on_signals()
        raise_file_limit()
        _measure(options)
    except (HarnessError, AppError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; all processes have been stopped", file=sys.stderr)
        return 130
    return 0


def _measure(options: argparse.Namespace) -> None:
    tool = wrk.check()
    plan = _plan(options)
    golden = read_golden(plan.model)
    results = Results(about.describe(plan, wrk=tool))
    plan = replace(plan, peers=measure.install(plan, results))
    if options.tune:
        _tune(plan, results, golden, options.out)
        return
    measure.log(f"{len(plan.peers)} servers, {plan.rounds} rounds: about {plan.minutes:.0f} minutes")
    try:
        measure.closed_loops(plan, results, golden)
        if plan.extras:
            measure.constant_rate(plan, results, golden)
            measure.overloads(plan, results, golden)
    finally:  # report what was measured before Ctrl+C, too
        if results.records:
            _write(results, options.out)


def _tune(plan: Plan, results: Results, golden: Golden, folder: Path) -> None:
    try:
        tuning.tune(plan, results, golden)
    finally:
        text = tuning.table(plan, results)
        (folder / "tuning.md").write_text(text)
        print(text)


def _write(results: Results, folder: Path) -> None:
    results.save(folder / "results.json")
    text = report.write(results, pictures=plots.draw(results, folder))
    (folder / "report.md").write_text(text)
    print(text)


def _plan(options: argparse.Namespace) -> Plan:
    scratch = options.cache.absolute() / "logs"
    scratch.mkdir(parents=True, exist_ok=True)
    loads, rounds = (TUNING, 1) if options.tune else (QUICK_LOADS, 2) if options.quick else (LOADS, 5)
    return Plan(
        peers=tuple(options.only or (QUICK if options.quick else BY_KEY)),
        loads=tuple(LOAD_KEYS[key] for key in options.loads) if options.loads else loads,
        rounds=options.rounds or rounds,
        seconds=options.seconds or 3,
        extras=not options.quick,
        model=_copy_of(options.artifact, scratch),
        environments=options.cache,
        scratch=scratch,
    )


def _copy_of(path: Path, scratch: Path) -> Path:
    """A copy of the artifact, which training cannot change during the run."""
    artifact = open_artifact(path)
    copy = scratch / "model" / artifact.contract.name / str(artifact.contract.version)
    shutil.rmtree(scratch / "model", ignore_errors=True)
    shutil.copytree(artifact.folder, copy)
    return copy


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/peers"), help="environments and logs")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="the report's folder")
    parser.add_argument("--only", nargs="+", choices=list(CHOSEN), metavar="NAME", help=", ".join(CHOSEN))
    parser.add_argument(
        "--loads", nargs="+", choices=list(LOAD_KEYS), metavar="LOAD", help=", ".join(LOAD_KEYS)
    )
    parser.add_argument("--rounds", type=int, help="number of rounds; default 5")
    parser.add_argument("--seconds", type=int, help="duration of each load; default 3")
    parser.add_argument(
        "--quick", action="store_true", help="this server, Triton and FastAPI; one load; 2 minutes"
    )
    parser.add_argument("--tune", action="store_true", help="try each server's grid of settings instead")
    parser.add_argument(
        "--again", type=Path, metavar="RESULTS", help="write the report from a results.json again"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
