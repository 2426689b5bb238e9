"""`score`: scores files with the artifact itself, without a server."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from app.cli import exit_codes
from app.cli.arguments import add_row_options, row_options

if TYPE_CHECKING:
    from app.scoring.ledger import Totals

_SIGTERM_EXIT = 143
# Problems that are printed; the manifest has all.
_SHOWN = 10
_EXAMPLES = """examples:
  score --input series.npy --output scores              a folder of Parquet files and a manifest
  score --input 'data/*.parquet' --output scores --processes 8
  score --input s3://bucket/series/ --output s3://bucket/scores/monday

Start the same command again after it was stopped, or at the same time on other machines: each row is in the
result once. ARTIFACT and ENGINE are read from the environment, as by serve. docs/scoring.md has the details.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.description = (
        "Score files without a server, with one process per CPU core. The output has a row for each row of "
        "the input; one that cannot be scored says why in the column `error`."
    )
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--input",
        nargs="+",
        action="extend",
        required=True,
        metavar="NAME",
        help="files, folders, patterns such as 'data/*.npy', or URLs of them: s3://, gs://, az://, https://",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="FOLDER",
        help="folder or URL for the Parquet files and manifest.json",
    )
    add_row_options(parser)
    parser.add_argument(
        "--abstain", action="store_true", help="write no label for a series if the model is not sure"
    )
    parser.add_argument(
        "--processes",
        type=_processes,
        default=0,
        metavar="N",
        help="processes that compute (default: auto, one per CPU core)",
    )
    parser.add_argument(
        "--shard-rows",
        type=_positive,
        default=50_000,
        metavar="N",
        help="rows of a Parquet file of the output; a killed process loses at most two (default: 50,000)",
    )
    parser.add_argument(
        "--lease-seconds",
        type=_positive,
        default=60,
        metavar="S",
        help="after which the work of a machine that has stopped is taken over (default: 60)",
    )
    parser.add_argument(
        "--accept-bad-rows",
        action="store_true",
        help="exit with 0, not 3, if some rows could not be scored: for a Kubernetes Job",
    )
    parser.set_defaults(run=_run)


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: give a whole number from 1")
    return number


def _processes(text: str) -> int:
    """A number of processes; 0 for `auto`."""
    return 0 if text == "auto" else _positive(text)


def _run(options: argparse.Namespace) -> int:
    """Raises AppError: the job cannot be started or continued."""
    from app.cli.terminal import progress
    from app.scoring.artifacts import ArtifactSource
    from app.scoring.job import ScoringOptions, run_job
    from app.settings import Settings
    from app.system.affinity import resolve_workers

    settings = Settings()
    job = ScoringOptions(
        inputs=options.input,
        output=options.output,
        artifact=ArtifactSource(settings.artifact, settings.artifact_cache, settings.require_signature),
        engine=settings.engine,
        processes=options.processes or resolve_workers("auto"),
        rows=row_options(options),
        abstain=options.abstain,
        shard_rows=options.shard_rows,
        lease_seconds=options.lease_seconds,
    )
    began = time.monotonic()
    before = signal.signal(signal.SIGTERM, _end)
    try:
        with progress("series", is_shown=True, lines=True) as bar:
            totals = run_job(job, report=_report, on_rows=bar.update)
    finally:
        signal.signal(signal.SIGTERM, before)
    code = _summary(totals, options.output, time.monotonic() - began)
    return exit_codes.OK if options.accept_bad_rows and code == exit_codes.INCOMPLETE else code


def _end(*_: object) -> NoReturn:
    """On SIGTERM: leave, so that leases are released and processes ended on the way."""
    sys.exit(_SIGTERM_EXIT)


def _summary(totals: Totals, output: str, seconds: float) -> int:
    from app.store import shown_url

    for problem in totals.problems[:_SHOWN]:
        _report(problem)
    if len(totals.problems) > _SHOWN:
        _report(f"… and {len(totals.problems) - _SHOWN:,} more")
    scored = totals.rows - totals.bad
    unread = f", {len(totals.problems):,} files could not be read to their end" if totals.problems else ""
    _report(
        f"{shown_url(output)}: complete after {seconds:,.1f} s: {scored:,} series scored, "
        f"{totals.bad:,} rows could not be (column error){unread}"
    )
    if not totals.bad and not totals.problems:
        return exit_codes.OK
    return exit_codes.INCOMPLETE if scored else exit_codes.FAILED


def _report(line: str) -> None:
    print(line, file=sys.stderr)
