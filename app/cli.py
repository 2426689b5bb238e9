"""The command line: `python -m app serve`, and what operators and newcomers run beside it.

Every command imports what it needs when it runs: a health check does not pay for a server, and `predict` runs
where only the client's packages are installed. `timeseries-server` is the same command line.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from app.settings import Settings

FAILED = 1
MAX_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 if it did what it should."""
    options = _parser().parse_args(arguments)
    if options.command == "health":
        from app.server.health import health

        return health()
    if options.command in ("serve", "worker"):
        # Until there is a server to drain, a signal ends the process; as process 1 of a container it would
        # otherwise be ignored.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        # SIGHUP waits for whoever handles it, and unblocks it then: its default would end the process.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    return _told_in_one_line(options)


def _parser() -> argparse.ArgumentParser:
    # The console script has a name of its own; of `python -m app`, argparse would show `__main__.py`.
    prog = "python -m app" if Path(sys.argv[0]).name == "__main__.py" else None
    parser = argparse.ArgumentParser(prog=prog, description="Serve a sealed model.")
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the server's version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("serve", help="serve the artifact; settings come from the environment")
    commands.add_parser("check", help="load the artifact and prove it on its golden answers, then exit")
    commands.add_parser("health", help="exit 0 if the server on HOST:PORT is ready")
    use = commands.add_parser("use", help="choose the version to serve; servers follow, without a restart")
    use.add_argument("version", help="its number, or `latest` for the highest there is")
    key = commands.add_parser("key", help="make an API key; its line goes into the file that API_KEYS names")
    key.add_argument("name", type=_key_name, help="who will use it; stands in the access log")
    commands.add_parser("settings", help="print every setting, its default and its meaning, as Markdown")
    worker = commands.add_parser("worker")  # without help, so that it is not listed: `serve` starts it
    for name in ("--number", "--workers", "--listener", "--heart"):
        worker.add_argument(name, type=int, required=True)
    worker.add_argument("--accept-when-ready", action="store_true")
    predict = commands.add_parser("predict", help="send series to a running server")
    predict.add_argument(
        "file", type=Path, help="series as text with the label first, .npy, .npz, .json or .arff; or gzipped"
    )
    predict.add_argument("--url", default=None, help="the server; HOST and PORT by default")
    predict.add_argument(
        "--api-key", default=None, help="API_KEY by default, which no list of processes shows"
    )
    predict.add_argument("--abstain", action="store_true", help="no label where the model is not sure of one")
    # Spelled out, so that a health check does not import numpy; a test compares them with the readers'.
    predict.add_argument(
        "--missing",
        choices=("refuse", "interpolate"),
        default="refuse",
        help="what to do about missing values",
    )
    predict.add_argument(
        "--unequal",
        choices=("refuse", "pad"),
        default="refuse",
        help="what to do about short series; pad adds noise up to the model's length",
    )
    predict.add_argument("--no-labels", action="store_true", help="rows of text do not begin with a label")
    return parser


class _ShowVersion(argparse.Action):
    """`--version`; unlike argparse's own action it finds the version out only when it is requested."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from app.version import server_version

        print(f"timeseries-server {server_version()}")
        parser.exit()


def _key_name(text: str) -> str:
    from app.api.middleware.api_keys import is_name

    if not is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r}: up to 64 letters, digits, dots, dashes and underscores")
    return text


def _told_in_one_line(options: argparse.Namespace) -> int:
    """Run a command; what goes wrong on purpose is a line, not a trace."""
    from pydantic import ValidationError

    from app.errors import AppError

    try:
        return _run(options)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            name = "_".join(map(str, item["loc"])).upper() or "settings"
            print(f"{name}: {item['msg']}", file=sys.stderr)
    except AppError as error:
        print(error, file=sys.stderr)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("app."):
            raise
        print(
            f"{options.command}: no module named {error.name}; install the extra serve of timeseries-server: "
            "pip install '.[serve]' in the project's folder",
            file=sys.stderr,
        )
    return FAILED


def _run(options: argparse.Namespace) -> int:
    if options.command == "predict":
        return predict(options)
    if options.command == "key":
        return make_key(options.name)
    from app.settings import Settings

    settings = Settings()
    if options.command == "serve":
        from app.server.serve import serve

        return serve(settings)
    if options.command == "worker":
        from app.server.serve import work

        return work(
            settings,
            number=options.number,
            workers=options.workers,
            listener=options.listener,
            heart=options.heart,
            accept_when_ready=options.accept_when_ready,
        )
    if options.command == "check":
        return check(settings)
    if options.command == "use":
        return use(settings, options.version)
    print(settings_table())
    return 0


def check(settings: Settings) -> int:
    """Load the artifact on the chosen engine and prove it on its golden answers.

    Raises:
        AppError: what is wrong, in one line.
    """
    from app.contract import misnamed_versions, open_artifact
    from app.inference.engines import load_engine
    from app.system.affinity import engine_threads

    artifact = open_artifact(settings.artifact)
    engine = load_engine(
        artifact,
        choice=settings.engine,
        max_rows=settings.max_batch_rows,
        threads=engine_threads(settings.engine_threads, workers=1),
    )
    print(f"{artifact.folder}: golden answers reproduced on {engine.description}", file=sys.stderr)
    if artifact.folder != settings.artifact:
        for reason in misnamed_versions(settings.artifact).values():
            print(f"not served: {reason}", file=sys.stderr)
    return 0


def use(settings: Settings, version: str) -> int:
    """Choose the version that is to be served from the settings' folder of versions.

    Args:
        settings: of the servers.
        version: a number, or `latest`.

    Raises:
        AppError: there is no such version, or it is not whole; what was chosen before stays so.
    """
    from app.contract import (
        CONTRACT_FILE,
        MAX_VERSION,
        check_number,
        newest_version,
        open_artifact,
        pin,
        version_number,
    )
    from app.errors import ArtifactError

    folder = settings.artifact
    if (folder / CONTRACT_FILE).is_file():
        raise ArtifactError(f"{folder}: a version, not a folder of versions; set ARTIFACT to {folder.parent}")
    number = version_number(version)
    if number is None and version != "latest":
        needed = f"give a number from 1 to {MAX_VERSION} without leading zeros, or latest"
        raise ArtifactError(f"{version[:80]!a}: no version; {needed}")
    chosen = newest_version(folder) if number is None else folder / str(number)
    check_number(chosen, open_artifact(chosen).contract)
    pin(folder, number)
    looks = "servers look every RELOAD_SECONDS, and at SIGHUP"
    print(f"{chosen} is to be served; {looks}", file=sys.stderr)
    return 0


def predict(options: argparse.Namespace) -> int:
    """Send the series of a file to a server and print its predictions.

    Raises:
        AppError: what is wrong, in one line.
    """
    from app.client.predict_file import predict_file
    from app.series.readers import GapRules

    return predict_file(
        options.file,
        options.url or _local_url(),
        rules=GapRules(missing=options.missing, unequal=options.unequal),
        labelled=not options.no_labels,
        abstain=options.abstain,
        api_key=options.api_key or os.environ.get("API_KEY"),
    )


def _local_url() -> str:
    """The URL of the server on HOST and PORT; `Settings` would need the extra `serve`."""
    from app.client import ClientError
    from app.system.address import from_environment, local_url

    host, port = from_environment(os.environ)
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > MAX_PORT:
        raise ClientError(f"PORT: {port[:80]!a} is no port; set a number up to {MAX_PORT}, or give --url")
    return local_url(host, int(port))


def make_key(name: str) -> int:
    """Make an API key. It is shown on standard error: standard output can be added to the key file."""
    from app.api.middleware.api_keys import line_of, new_key

    key = new_key()
    print(
        f"{key}\nThis is the key, and it is shown this once. The file gets the line below.", file=sys.stderr
    )
    print(line_of(name, key))
    return 0


def settings_table() -> str:
    """Every setting as a Markdown table."""
    from app.settings import Settings

    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        shown = "" if field.default in (None, (), "") else f"`{default}`"
        rows.append(f"| `{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)
