"""`health`: whether the server on HOST:PORT is ready."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.set_defaults(run=_run)


def _run(_: argparse.Namespace) -> int:
    from app.server.health import health

    return health()
