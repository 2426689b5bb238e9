"""`serve`: the server."""

from __future__ import annotations

import argparse
import signal
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and help."""
    parser.set_defaults(run=_run)


def _run(_: argparse.Namespace) -> int:
    handle_early_signals()
    from app.server.serve import serve
    from app.settings import Settings

    return serve(Settings())


def handle_early_signals() -> None:
    """Before the server runs, a signal ends the process.

    Without a handler, the kernel ignores the signal for process 1 of a container.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    # SIGHUP would end the process. It is blocked until the server has a handler, which unblocks it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
