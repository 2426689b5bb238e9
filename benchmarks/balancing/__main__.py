"""`python -m benchmarks.balancing`: compare HAProxy's algorithms, and write a report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from app.contract import open_artifact
from app.errors import AppError
from benchmarks.balancing import measure, report
from benchmarks.balancing.plan import LARGE, SMALL, Plan
from benchmarks.fleet import QUOTA_PERIOD, haproxy_version
from benchmarks.peers import about
from benchmarks.peers.errors import HarnessError, PeerError
from benchmarks.peers.measure import log
from benchmarks.peers.processes import end_on_signals
from benchmarks.peers.records import Results, read_results


def main() -> int:
    """Measure, or write the report of earlier results again."""
    options = _options()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        results = read_results(options.again) if options.again else _measure(options)
    except (HarnessError, PeerError, AppError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; all processes have been stopped", file=sys.stderr)
        return 130
    results.save(options.out / "balancing.json")
    (options.out / "balancing.md").write_text(text := report.write(results))
    print(text)
    return 0


def _measure(options: argparse.Namespace) -> Results:
    end_on_signals()
    with TemporaryDirectory() as folder:
        plan = Plan(
            artifact=open_artifact(options.artifact).folder.absolute(),
            rounds=options.rounds,
            seconds=options.seconds,
            rate=options.rate,
            large=options.large,
            share=options.share,
            logs=Path(folder),
        )
        results = Results(_about(plan))
        log(f"about {plan.minutes:.0f} minutes")
        measure.run(plan, results)
    return results


def _about(plan: Plan) -> dict[str, str]:
    """The command, the machine, the load and the replicas, each in a line."""
    words = ["python -m benchmarks.balancing", *about.without_folders(sys.argv[1:])]
    stopped, period = 1e3 * (1 - plan.share) * QUOTA_PERIOD, 1e3 * QUOTA_PERIOD
    return {
        **about.command_and_machine(words),
        "model": f"{plan.artifact.parent.name}/{plan.artifact.name}",
        "balancer": f"{haproxy_version()}, `deploy/haproxy.cfg`; on the replicas' cores, as the client",
        "replicas": "two, one worker and one CPU core each (`taskset`), default limits; a slow one is "
        f"stopped for {stopped:.0f} ms of every {period:.0f} ms, as with a CPU quota of {plan.share:g} cores",
        "requests": f"{SMALL} series as JSON; in uneven loads {plan.large:.0%} have {LARGE} series as npy",
        "load": f"{plan.rate:g} requests/s, Poisson arrivals, the same for all algorithms of a round; "
        f"{plan.rounds} rounds, {plan.seconds:g} s a load after {measure.WARM_UP:g} s of warm-up; latency "
        f"counts from when a request was due, {measure.FAILED_SECONDS:g} s if it failed",
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.balancing", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    parser.add_argument("--rounds", type=int, default=6, help="number of rounds; default 6")
    parser.add_argument("--seconds", type=float, default=10, help="duration of each load; default 10")
    parser.add_argument("--rate", type=float, default=600, help="requests per second; default 600")
    parser.add_argument("--large", type=float, default=0.05, help="share of large requests; default 0.05")
    parser.add_argument(
        "--share", type=float, default=0.5, help="share of the time that a slow replica runs; default 0.5"
    )
    parser.add_argument(
        "--again", type=Path, metavar="RESULTS", help="write the report of a balancing.json again"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
