"""`python -m qa.fuzz`: fuzz all targets, print a table of the results, exit with 1 if anything was found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from app.contract import open_artifact
from qa.fuzz import decoders, grpc_calls, openapi, wire
from qa.fuzz.errors import HarnessError
from qa.fuzz.report import Outcome, details, table
from qa.fuzz.target import TARGETS
from qa.harness.process import NotServing

OPENAPI = "openapi"
ARTIFACT = Path("model_artifacts/forda")
SCHEMATHESIS = Path(".cache/fuzz/bin/schemathesis")
# Cases of each target; for openapi, of each route.
CASES = {
    "json": 60_000,
    "npy": 60_000,
    "v2": 60_000,
    "v1": 60_000,
    "explain": 20_000,
    "encoding": 30_000,
    wire.NAME: 20_000,
    grpc_calls.NAME: 20_000,
    OPENAPI: 2_000,
}
_QUICK = 20
FAILED, BROKEN = 1, 2


def main() -> int:
    """Run the targets, or show one case."""
    options = _parser().parse_args()
    try:
        if options.case:
            return show(options.case, options.seed)
        return run(options)
    except (HarnessError, NotServing) as error:
        print(error, file=sys.stderr)
        return BROKEN


def run(options: argparse.Namespace) -> int:
    """Run the targets; print each when it ends, then the table."""
    outcomes = []
    with TemporaryDirectory() as folder:
        for outcome in _outcomes(options, Path(folder)):
            print(f"{outcome.target}: {outcome.cases:,} cases, {len(outcome.findings)} findings", flush=True)
            outcomes.append(outcome)
    return report(outcomes, seed=options.seed)


def report(outcomes: Sequence[Outcome], *, seed: int) -> int:
    """Print the table and the findings; the exit code."""
    print(f"\n`python -m qa.fuzz --seed {seed}`\n\n{table(outcomes)}\n{details(outcomes)}")
    return FAILED if any(outcome.findings for outcome in outcomes) else 0


def show(name: str, seed: int) -> int:
    """Write a case's bytes to standard output and its violation to standard error.

    Raises:
        HarnessError: no such case.
    """
    target, _, number = name.partition("/")
    if not number.isdecimal() or target not in (*TARGETS, wire.NAME):
        raise HarnessError(
            f"{name} is not a case; use {'/0, '.join((*TARGETS, wire.NAME))}/0 or another number"
        )
    if target == wire.NAME:
        sys.stdout.buffer.write(wire.case(open_artifact(ARTIFACT), seed, int(number)).data)
        return 0
    case = TARGETS[target].case(seed, int(number))
    sys.stdout.buffer.write(case.body)
    violation = decoders.try_case(TARGETS[target], seed, int(number))
    print(f"\n{case.size}, encoding {case.encoding!r}: {violation or 'no violation'}", file=sys.stderr)
    return FAILED if violation else 0


def _outcomes(options: argparse.Namespace, folder: Path) -> Iterator[Outcome]:
    cases = {name: count // _QUICK if options.quick else count for name, count in CASES.items()}
    for name in options.only or CASES:
        if name in TARGETS:
            yield decoders.fuzz(TARGETS[name], seed=options.seed, cases=cases[name])
        elif name in (wire.NAME, grpc_calls.NAME):
            fuzz = wire.fuzz if name == wire.NAME else grpc_calls.fuzz
            yield fuzz(open_artifact(ARTIFACT), seed=options.seed, cases=cases[name], folder=folder)
        else:
            program = options.schemathesis.absolute()
            yield from openapi.fuzz(
                program, open_artifact(ARTIFACT), seed=options.seed, cases=cases[name], folder=folder
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m qa.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of all cases (default 0)")
    parser.add_argument("--quick", action="store_true", help=f"run one case in {_QUICK}")
    parser.add_argument(
        "--only", nargs="+", choices=CASES, metavar="TARGET", help=f"fuzz only these: {', '.join(CASES)}"
    )
    parser.add_argument("--case", metavar="TARGET/NUMBER", help="write the bytes of one case and check it")
    parser.add_argument("--schemathesis", type=Path, default=SCHEMATHESIS, help="path of the program")
    return parser


if __name__ == "__main__":
    sys.exit(main())
