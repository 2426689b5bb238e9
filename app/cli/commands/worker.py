"""`worker`: a worker of the server, which the supervisor starts."""

from __future__ import annotations

import argparse

from app.cli.commands.serve import handle_early_signals


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    for name in ("--number", "--workers", "--listener", "--heartbeat"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--accept-when-ready", action="store_true")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    handle_early_signals()
    from app.server.serve import work
    from app.settings import Settings

    return work(
        Settings(),
        number=options.number,
        workers=options.workers,
        listener=options.listener,
        heartbeat=options.heartbeat,
        accept_when_ready=options.accept_when_ready,
    )
