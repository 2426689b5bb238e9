"""The command line: `python -m app serve`, and what operators and newcomers run beside it.

Every command imports what it needs when it runs, so that a health check does not pay for a server.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.settings import Settings

FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 if it did what it should."""
    options = _parser().parse_args(arguments)
    if options.command == "health":
        from app.health import health

        return health()
    if options.command == "serve":
        # Until there is a server to drain, a signal ends the process; as process 1 of a container it would
        # otherwise be ignored.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
    return _told_in_one_line(lambda settings: _run(options, settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description="Serve a sealed model.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the artifact; settings come from the environment")
    commands.add_parser("check", help="load the artifact and prove it on its golden answers, then exit")
    commands.add_parser("health", help="exit 0 if the server on HOST:PORT is ready")
    commands.add_parser("settings", help="print every setting, its default and its meaning, as Markdown")
    predict = commands.add_parser("predict", help="send series to a running server")
    predict.add_argument("file", type=Path, help="a .npy file, or a .json file with an array of series")
    predict.add_argument("--url", default=None, help="the server; HOST and PORT by default")
    predict.add_argument("--abstain", action="store_true", help="no label where the model is not sure of one")
    return parser


def _told_in_one_line(command: Callable[[Settings], int]) -> int:
    """Run a command with the environment's settings; what goes wrong on purpose is a line, not a trace."""
    from pydantic import ValidationError

    from app.errors import AppError
    from app.settings import Settings

    try:
        return command(Settings())
    except ValidationError as error:
        for item in error.errors(include_url=False):
            name = "_".join(map(str, item["loc"])).upper() or "settings"
            print(f"{name}: {item['msg']}", file=sys.stderr)
    except AppError as error:
        print(error, file=sys.stderr)
    return FAILED


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if options.command == "serve":
        from app.serving import serve

        return serve(settings)
    if options.command == "check":
        return check(settings)
    if options.command == "settings":
        print(settings_table())
        return 0
    from app.address import local_url

    url = options.url or local_url(settings.host, settings.port)
    return predict(options.file, url, abstain=options.abstain)


def check(settings: Settings) -> int:
    """Load the artifact on the chosen engine and prove it on its golden answers.

    Raises:
        AppError: what is wrong, in one line.
    """
    from app.contract import open_artifact
    from app.engines import load_engine

    artifact = open_artifact(settings.artifact)
    engine = load_engine(
        artifact, choice=settings.engine, max_rows=settings.max_batch_rows, threads=settings.engine_threads
    )
    print(f"{artifact.folder}: golden answers reproduced on {engine.description}", file=sys.stderr)
    return 0


def predict(file: Path, url: str, *, abstain: bool = False) -> int:
    """Send the series of a file to a server and print its predictions, a JSON object a line.

    Args:
        file: a `.npy` or `.json` file of series.
        url: the server's.
        abstain: no label where the model is not sure of one.

    Raises:
        ClientError: the file cannot be read, or the server's own words.
    """
    from app.client import Client, read_series

    with Client(url) as client:
        for prediction in client.predict(read_series(file), abstain=abstain):
            print(prediction.model_dump_json())
    return 0


def settings_table() -> str:
    """Every setting as a Markdown table."""
    from app.settings import Settings

    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        rows.append(f"| `{name.upper()}` | `{default}` | {field.description} |")
    return "\n".join(rows)
