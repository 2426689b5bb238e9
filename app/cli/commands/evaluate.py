"""`evaluate`: measures a server's predictions on labelled series."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from app.cli.arguments import add_files, add_server, client_of, paths_of, row_options

_EXAMPLES = """examples:
  evaluate FordA_TEST.tsv
  evaluate 'test/*.csv' --label-column class --json
  evaluate test.parquet --label-column label --plots pictures
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.description = (
        "Measure a running server's predictions on labelled series: accuracy with its interval, "
        "confusion matrix, calibration, coverage of label sets, and the share with an OOD score above 0.99."
    )
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    add_files(parser)
    add_server(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw confusion matrix and calibration")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """Raises AppError: a file cannot be read, or the server does not answer with predictions."""
    from app.cli import exit_codes
    from app.cli.evaluation.job import evaluate
    from app.cli.evaluation.plots import write_plots
    from app.cli.evaluation.text import evaluation_text
    from app.cli.terminal import OutputError, write

    with client_of(options) as client:
        files = paths_of(options.files)
        found = evaluate(client, files, row_options(options), report=_report)
    if options.plots is not None:
        try:
            write_plots(found, options.plots)
        except OSError as error:
            raise OutputError(f"{options.plots}: cannot be written ({error.strerror})") from error
    write(json.dumps(found.document(), indent=2) + "\n" if options.json else evaluation_text(found))
    return exit_codes.INCOMPLETE if found.skipped else exit_codes.OK


def _report(line: str) -> None:
    print(line, file=sys.stderr)
