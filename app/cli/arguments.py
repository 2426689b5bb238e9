"""Arguments that several commands have."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.client import Client
    from app.series.readers.rows import RowOptions

MAX_PORT = 65535


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of commands that ask a server."""
    parser.add_argument("--url", default=None, help="URL of the server (default: from HOST and PORT)")
    parser.add_argument(
        "--api-key", default=None, help="API key (default: API_KEY, which process lists do not show)"
    )


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of commands that read series."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="series: text with the label first, .npy, .npz, .json, .ndjson, .arff, .parquet; also gzipped; "
        "a pattern such as 'data/*.csv'; or - for standard input",
    )
    add_row_options(parser)


def add_row_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to read of files."""
    # Repeated here, so that `health` does not import numpy; a test compares them with the readers' choices.
    parser.add_argument(
        "--missing",
        choices=("refuse", "interpolate"),
        default="refuse",
        help="how to handle missing values (default: refuse)",
    )
    parser.add_argument(
        "--unequal",
        choices=("refuse", "pad"),
        default="refuse",
        help="how to handle short series (default: refuse); pad appends noise up to the model's length",
    )
    parser.add_argument("--no-labels", action="store_true", help="text: lines do not begin with a label")
    parser.add_argument(
        "--columns",
        metavar="LIST",
        help="text and Parquet: the columns with the values, by name or by number from 1: 2-501 or x,y,z",
    )
    parser.add_argument(
        "--label-column", metavar="COLUMN", help="text and Parquet: the column with the label"
    )


def row_options(options: argparse.Namespace) -> RowOptions:
    """What `add_row_options` was given."""
    from app.series.readers import GapRules
    from app.series.readers.rows import RowOptions

    return RowOptions(
        rules=GapRules(missing=options.missing, unequal=options.unequal),
        labelled=not options.no_labels,
        columns=options.columns,
        label_column=options.label_column,
    )


def paths_of(names: list[str]) -> list[Path]:
    """The files of `add_files`, patterns replaced by what they match, in order.

    Raises:
        UnreadableSeries: a file does not exist, or a pattern matches nothing.
    """
    from glob import glob, has_magic

    from app.errors import UnreadableSeries

    found: list[Path] = []
    for name in names:
        if name == "-" or Path(name).exists():
            found.append(Path(name))
            continue
        if not has_magic(name):
            raise UnreadableSeries(f"{name}: no such file", remedy="check the name")
        matches = sorted(glob(name, recursive=True))  # noqa: PTH207 - of any folder, as the shell does it
        if not matches:
            raise UnreadableSeries(f"{name}: no file matches", remedy="check the pattern")
        found += map(Path, matches)
    return found


def client_of(options: argparse.Namespace) -> Client:
    """A client of the server of `add_server`; raises ClientError."""
    from app.client import Client

    return Client(options.url or _local_url(), api_key=options.api_key or os.environ.get("API_KEY"))


def _local_url() -> str:
    """The URL of the server on HOST and PORT, read without `Settings`, which needs the extra `serve`."""
    from app.client import ClientError
    from app.system.address import from_environment, local_url

    host, port = from_environment(os.environ)
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > MAX_PORT:
        raise ClientError(f"PORT: {port[:80]!a} is not a port; set a number up to {MAX_PORT}, or use --url")
    return local_url(host, int(port))
