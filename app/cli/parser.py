"""The parser of the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from app.cli.exit_codes import HELP

# What `--help` lists. `worker` is not listed: the supervisor starts it.
_COMMANDS = {
    "serve": "serve the artifact; environment variables are the settings",
    "check": "load the artifact, verify it against its golden answers, and exit",
    "health": "exit with 0 if the server on HOST:PORT is ready, else with 1",
    "use": "choose the version to serve; servers load it without a restart",
    "artifact": "list, publish, copy and sign versions: artifact list, publish, pull, sign",
    "key": "make an API key and its line for API_KEYS_FILE",
    "settings": "print all settings with default and description, as Markdown",
    "predict": "send series of files, or a recording, to a running server",
    "score": "score files without a server, on one or many machines",
    "explain": "say which parts of series the predictions of a running server depend on",
    "evaluate": "measure a running server's predictions on labelled series",
    "info": "describe the model of a running server, or an artifact",
    "capacity": "forecast replicas, cores, memory and cost for a rate of requests",
    "completion": "print a script that completes commands and options in a shell",
}


def create_parser(arguments: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """A parser whose options have the chosen command's function as `run`.

    Args:
        arguments: to parse: only the module of their command is imported. None for all commands.
    """
    # For `python -m app`, argparse would show `__main__.py`; the console script has its own name.
    prog = "python -m app" if Path(sys.argv[0]).name == "__main__.py" else None
    parser = argparse.ArgumentParser(prog=prog, description="Serve a model artifact.", epilog=HELP)
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the server's version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in (*_COMMANDS, "worker"):
        listed: dict[str, Any] = {"help": _COMMANDS[name]} if name in _COMMANDS else {}
        command = commands.add_parser(name, **listed)
        if arguments is None or name in arguments:
            import_module(f"app.cli.commands.{name}").add_arguments(command)
    return parser


class _ShowVersion(argparse.Action):
    """`--version`; unlike argparse's own action it finds the version out only when it is requested."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from app.version import server_version

        print(f"timeseries-server {server_version()}")
        parser.exit()
