"""`settings`: all settings of the server."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.set_defaults(run=_run)


def _run(_: argparse.Namespace) -> int:
    from app.settings import Settings
    from app.settings.table import settings_table

    Settings()
    print(settings_table())
    return 0
