"""The command line: prints the table to standard output, and errors in one line to standard error."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from app.contract import Contract, open_artifact
from training.cli.command import log_line, print_line, run_command
from training.cli.runtime_import import runtime_import

EXPERIMENTS = "docs/training/experiments.md explains the missed targets."


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit code is 0, also for missed targets, or one of `run_command`."""
    folder = _parser().parse_args(arguments).artifact
    return run_command(lambda: _measure(folder))


def _measure(folder: Path) -> int:
    artifact = open_artifact(folder)
    log_line(f"measuring {artifact.folder}, takes about 1 min")
    with runtime_import():
        from training.studies.targets.measure import measure
        from training.studies.targets.table import missed, target_results, targets_table

    rows = target_results(measure(artifact))
    print_line(f"{_heading(artifact.contract)}\n\n{targets_table(rows)}")
    if missed(rows):
        print_line(f"\n{EXPERIMENTS}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.studies.targets",
        description="Measure a sealed artifact again and compare it with the targets for FordA.",
    )
    parser.add_argument(
        "--artifact",
        type=Path,
        default=Path("model_artifacts/forda"),
        metavar="PATH",
        help="a version folder, or a folder of versions to use the newest (default: %(default)s)",
    )
    return parser


def _heading(contract: Contract) -> str:
    return (
        f"{contract.name} {contract.version}, measured again on the test series of "
        f"{contract.provenance.dataset}. Values marked as sealed are from the contract."
    )


if __name__ == "__main__":
    raise SystemExit(main())
