"""The command line: a table on standard output; what goes wrong, in one line on standard error."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from app.contract import Contract, open_artifact
from training.cli.command import log_line, print_line, run_command
from training.cli.import_noise import suppress_import_noise

TRIED = "What was tried is in docs/training/experiments.md."


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit code is 0, missed targets included, or one of `command`'s."""
    folder = _parser().parse_args(arguments).artifact
    return run_command(lambda: _measure(folder))


def _measure(folder: Path) -> int:
    artifact = open_artifact(folder)
    log_line(f"measures {artifact.folder}: a minute or so")
    with suppress_import_noise():
        from training.studies.targets.measure import measure
        from training.studies.targets.table import as_markdown, missed, rows_of

    rows = rows_of(measure(artifact))
    print_line(f"{_heading(artifact.contract)}\n\n{as_markdown(rows)}")
    if missed(rows):
        print_line(f"\n{TRIED}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.studies.targets",
        description="Measure a sealed artifact anew, and show what it reaches of FordA's targets.",
    )
    parser.add_argument(
        "--artifact",
        type=Path,
        default=Path("model_artifacts/forda"),
        metavar="PATH",
        help="a version folder, or a folder of versions: then the newest (default: %(default)s)",
    )
    return parser


def _heading(contract: Contract) -> str:
    return (
        f"{contract.name} {contract.version}, measured anew on {contract.provenance.dataset}'s test series; "
        "what is marked as sealed is from the contract."
    )


if __name__ == "__main__":
    raise SystemExit(main())
