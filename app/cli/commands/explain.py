"""`explain`: says which parts of series the predictions of a server depend on."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from app.cli.arguments import add_files, add_server, client_of, paths_of, row_options

_EXAMPLES = """examples:
  explain series.csv --rows 3                          the most important window, band and cell of row 3
  explain series.csv --rows 3 --plot explanation.png   the same, and a picture
  explain series.npy --label 1 --cells 20x50 --output cells.csv
  explain series.npy --windows 20 --bands 0 --cells 0 --format ndjson
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.description = (
        "Ask a running server how the probability of a label changes when windows of time, frequency bands "
        "and time-frequency cells of a series are perturbed."
    )
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    add_files(parser)
    add_server(parser)
    parser.add_argument("--rows", metavar="LIST", help="rows to explain, from 1: 3 or 3,7-9 (default: all)")
    what = parser.add_argument_group("explanation")
    what.add_argument("--label", help="the label to explain (default: the most probable one)")
    what.add_argument("--windows", type=_count, metavar="N", help="number of windows of time; 0 for none")
    what.add_argument("--bands", type=_count, metavar="N", help="number of frequency bands; 0 for none")
    what.add_argument(
        "--cells", type=_cells, metavar="NxN", help="numbers of windows and bands of cells; 0 for none"
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--format",
        choices=("table", "ndjson", "csv"),
        help="default: by the name of the output; else a table on a terminal, ndjson elsewhere",
    )
    output.add_argument(
        "--output", type=Path, metavar="FILE", help="write to a file, which appears when complete"
    )
    output.add_argument("--plot", type=Path, metavar="PNG", help="draw the first series that is explained")
    output.add_argument(
        "--rate", type=_rate, metavar="HZ", help="sampling rate: table and plot in seconds and hertz"
    )
    parser.set_defaults(run=_run)


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text}: give a number from 0")
    return int(text)


def _cells(text: str) -> tuple[int, int] | int:
    if text == "0":
        return 0
    pair = re.fullmatch(r"([1-9]\d{0,8})x([1-9]\d{0,8})", text)
    if pair is None:
        raise argparse.ArgumentTypeError(f"{text}: give windows and bands, such as 10x25, or 0")
    return int(pair[1]), int(pair[2])


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: give a number above 0")
    return rate


def _run(options: argparse.Namespace) -> int:
    """Raises AppError: a file cannot be read, or the server does not answer with explanations."""
    from app.cli.explaining.job import ExplainJob, ExplainJobOptions
    from app.cli.explaining.rows import RowRanges

    chosen = RowRanges.parsed(options.rows)
    with client_of(options) as client:
        job = ExplainJobOptions(
            paths_of(options.files),
            row_options(options),
            chosen,
            {
                "label": options.label,
                "windows": options.windows,
                "bands": options.bands,
                "cells": options.cells,
            },
            format=options.format,
            output=options.output,
            plot=options.plot,
            rate=options.rate,
        )
        return ExplainJob(client, job, _report).run()


def _report(line: str) -> None:
    print(line, file=sys.stderr)
