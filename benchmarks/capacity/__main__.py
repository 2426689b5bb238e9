"""`python -m benchmarks.capacity`: check the forecasts of `capacity`, or measure a record for it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from app.cli.planning.record import SHIPPED, read_record
from app.contract import open_artifact
from app.errors import AppError
from benchmarks.capacity import check, measure
from benchmarks.peers import about, wrk
from benchmarks.peers.errors import HarnessError, PeerError
from benchmarks.peers.processes import end_on_signals

MEASURED = (1, 32, 256)
# One size that the record has, one between two.
CHECKED = (1, 64)
FOLDERS = ("--measure", "--record")


def main() -> int:
    """Print the check, or write the record."""
    options = _options()
    command = ["python -m benchmarks.capacity", *_words(sys.argv[1:])]
    try:
        end_on_signals()
        with TemporaryDirectory() as folder:
            if options.measure:
                _measure(options, Path(folder), command)
            else:
                _check(options, Path(folder), command)
    except (HarnessError, PeerError, AppError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; all processes have been stopped", file=sys.stderr)
        return 130
    return 0


def _measure(options: argparse.Namespace, logs: Path, command: list[str]) -> None:
    wrk.check()
    plan = measure.Plan(
        artifact=open_artifact(options.artifact).folder.absolute(),
        series=tuple(sorted({*MEASURED, *options.series})),
        rounds=options.rounds,
        seconds=options.seconds,
        logs=logs,
    )
    measure.measure(plan, command=command).save(options.measure)
    print(f"{options.measure}: use it with: timeseries-server capacity --record {options.measure}")


def _check(options: argparse.Namespace, logs: Path, command: list[str]) -> None:
    plan = check.Plan(
        record=read_record(options.record),
        artifact=open_artifact(options.artifact).folder.absolute(),
        series=tuple(options.series) or CHECKED,
        body=options.body,
        rounds=options.rounds,
        seconds=options.seconds,
        logs=logs,
    )
    print(check.report(plan, check.check(plan), facts=about.command_and_machine(command)))


def _words(words: list[str]) -> list[str]:
    """The command's arguments; files of this machine as FILE."""
    shown = about.without_folders(words)
    return ["FILE" if before in FOLDERS else word for before, word in zip(["", *shown], shown, strict=False)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("--measure", type=Path, metavar="FILE", help="measure one replica and write a record")
    parser.add_argument("--record", type=Path, default=SHIPPED, metavar="FILE", help="the record to check")
    parser.add_argument("--artifact", type=Path, default=Path("model_artifacts/forda"))
    parser.add_argument(
        "--series",
        type=int,
        nargs="+",
        default=[],
        help=f"series a request; default of a check: {CHECKED}; a record has also those of {MEASURED}",
    )
    parser.add_argument("--body", choices=measure.BODIES, default="json", help="of the check; default json")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds; default 3")
    parser.add_argument("--seconds", type=float, default=5, help="least duration of a load; default 5")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
