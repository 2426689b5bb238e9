"""`predict`: sends the series of files, or the windows of a recording, to a server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.cli.arguments import add_files, add_server, client_of, paths_of, row_options

_EXAMPLES = """examples:
  predict series.csv                                   a table on a terminal, else a JSON object a line
  predict 'data/*.npy' --output scores.parquet         many files; the format by the name of the output
  predict big.npy --output scores.csv --resume         go on after a run that was stopped
  predict table.csv --columns 3-502 --label-column class
  cat series.ndjson | predict - --format csv
  predict recording.npy --windows --stride 100 --plot timeline.png
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.description = (
        "Send the series of files to a running server, and write a prediction for each. A row "
        "that cannot be scored is reported with its file and row, and the others go on."
    )
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    add_files(parser)
    add_server(parser)
    parser.add_argument(
        "--abstain", action="store_true", help="print no label for a series if the model is not sure"
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--format",
        choices=("table", "ndjson", "csv", "parquet"),
        help="default: by the name of the output; else a table on a terminal, ndjson elsewhere",
    )
    output.add_argument(
        "--json", dest="format", action="store_const", const="ndjson", help="as --format ndjson"
    )
    output.add_argument(
        "--output", type=Path, metavar="FILE", help="write to a file, which appears when complete"
    )
    output.add_argument(
        "--resume", action="store_true", help="go on where an earlier run with this output was stopped"
    )
    output.add_argument(
        "--checkpoint-rows",
        type=_positive,
        default=50_000,
        metavar="N",
        help="rows after which progress is stored beside the output (default: 50,000)",
    )
    windows = parser.add_argument_group("recordings longer than the model's series")
    windows.add_argument(
        "--windows",
        action="store_true",
        help="score one file as a recording, in windows; a row is a time step",
    )
    windows.add_argument(
        "--stride",
        type=_positive,
        metavar="STEPS",
        help="from one window to the next (default: their length)",
    )
    windows.add_argument("--rate", type=float, metavar="HZ", help="sampling rate of the recording")
    windows.add_argument("--model-rate", type=float, metavar="HZ", help="that of the model's training data")
    windows.add_argument("--plot", type=Path, metavar="PNG", help="draw the timeline")
    parser.set_defaults(run=_run, parser=parser)


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: give a whole number from 1")
    return number


def _run(options: argparse.Namespace) -> int:
    """Raises AppError: a file cannot be read, or the server does not answer with predictions."""
    _check(options)
    from app.cli.predicting.job import PredictJob, PredictJobOptions
    from app.cli.predicting.windows import WindowJob, WindowJobOptions

    with client_of(options) as client:
        files = paths_of(options.files)
        if options.windows:
            return WindowJob(
                client,
                WindowJobOptions(
                    files[0],
                    columns=options.columns,
                    stride=options.stride,
                    rate=options.rate,
                    model_rate=options.model_rate,
                    abstain=options.abstain,
                    format=options.format,
                    output=options.output,
                    plot=options.plot,
                ),
            ).run()
        job = PredictJobOptions(
            files,
            row_options(options),
            abstain=options.abstain,
            format=options.format,
            output=options.output,
            resume=options.resume,
            shard_rows=options.checkpoint_rows,
        )
        return PredictJob(client, job, _report).run()


def _check(options: argparse.Namespace) -> None:
    """End with a usage error if options do not go together."""
    parser: argparse.ArgumentParser = options.parser
    if options.windows and (len(options.files) != 1 or options.files[0] == "-"):
        parser.error("--windows takes one file")
    if options.windows and options.resume:
        parser.error("--resume does not go with --windows")
    only = {"--stride": options.stride, "--rate": options.rate, "--plot": options.plot}
    if not options.windows and (given := [name for name, value in only.items() if value is not None]):
        parser.error(f"{given[0]} needs --windows")
    if (options.rate is None) != (options.model_rate is None):
        parser.error("give both --rate and --model-rate, or neither")


def _report(line: str) -> None:
    print(line, file=sys.stderr)
