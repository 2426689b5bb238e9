"""`capacity`: how many replicas a rate of requests needs."""

from __future__ import annotations

import argparse
from pathlib import Path

_MOST = 1_000_000_000
_EXAMPLES = """examples:
  capacity --rate 2000 --series 1 --p99 50
  capacity --rate 40 --series 256 --body npy --p99 200 --price 0.04
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.description = (
        "Print the replicas, cores, memory and cost for a rate of requests, from measured loads of\none "
        "replica, with all assumptions and room for one lost replica."
    )
    parser.epilog, parser.formatter_class = _EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--rate", type=_positive, required=True, help="requests per second at the busiest time"
    )
    parser.add_argument("--series", type=_count, required=True, help="number of series in a request")
    parser.add_argument(
        "--p99",
        type=_positive,
        required=True,
        metavar="MS",
        help="milliseconds that 99 %% of requests may take",
    )
    parser.add_argument(
        "--body", choices=("json", "npy"), default="json", help="format of the requests (default: json)"
    )
    parser.add_argument("--price", type=_positive, help="price of a core for an hour (default: no amounts)")
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="loads measured on your machine: python -m benchmarks.capacity --measure FILE "
        "(default: those of the project)",
    )
    parser.set_defaults(run=_run)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _MOST:
        raise argparse.ArgumentTypeError(f"{text[:80]!r}: use a number above 0, at most {_MOST:,}")
    return value


def _count(text: str) -> int:
    value = _positive(text)
    if not value.is_integer():
        raise argparse.ArgumentTypeError(f"{text[:80]!r}: use a whole number")
    return int(value)


def _run(options: argparse.Namespace) -> int:
    """Raises RecordError: the record cannot be read, or does not cover what is asked for."""
    from app.cli.planning.forecast import forecast
    from app.cli.planning.record import SHIPPED, read_record
    from app.cli.planning.text import Demand, forecast_text
    from app.cli.terminal import write

    record = read_record(options.record or SHIPPED)
    demand = Demand(options.rate, options.series, options.body, options.p99, options.price)
    found = forecast(record, rate=demand.rate, series=demand.series, body=demand.body, p99_ms=demand.p99_ms)
    write(forecast_text(demand, found, record))
    return 0
