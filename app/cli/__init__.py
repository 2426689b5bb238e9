"""The command line: `python -m app COMMAND`, also installed as `timeseries-server`.

Each command is a module of `app.cli.commands`. Only that of the chosen command is imported, and it imports
what it needs when it runs: `health` and `serve` start without what others need.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, one of `app.cli.exit_codes`."""
    from app.cli.errors import with_short_errors
    from app.cli.parser import create_parser

    given = sys.argv[1:] if arguments is None else arguments
    return with_short_errors(create_parser(given).parse_args(given))
