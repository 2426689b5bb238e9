"""The command line: `python -m app COMMAND`, also installed as `timeseries-server`.

Each command imports what it needs when it runs: `health` starts without the server's imports, and `predict`
needs only the client's packages.
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
    """Run a command and return its exit code: 0 if it succeeded, else 1."""
    options = _parser().parse_args(arguments)
    if options.command == "health":
        from app.server.health import health

        return health()
    if options.command in ("serve", "worker"):
        # Before the server runs, a signal ends the process. Without a handler, the kernel ignores the signal
        # for process 1 of a container.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        # SIGHUP would end the process. It is blocked until the server has a handler, which unblocks it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    return _run_with_short_errors(options)


def _parser() -> argparse.ArgumentParser:
    # For `python -m app`, argparse would show `__main__.py`; the console script has its own name.
    prog = "python -m app" if Path(sys.argv[0]).name == "__main__.py" else None
    parser = argparse.ArgumentParser(prog=prog, description="Serve a model artifact.")
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the server's version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("serve", help="serve the artifact; environment variables are the settings")
    commands.add_parser("check", help="load the artifact, verify it against its golden answers, and exit")
    commands.add_parser("health", help="exit with 0 if the server on HOST:PORT is ready, else with 1")
    use = commands.add_parser("use", help="choose the version to serve; servers load it without a restart")
    use.add_argument("version", help="number of the version, or `latest` for the highest")
    key = commands.add_parser("key", help="make an API key and its line for API_KEYS_FILE")
    key.add_argument("name", type=_key_name, help="name of the client, for the access log")
    commands.add_parser("settings", help="print all settings with default and description, as Markdown")
    worker = commands.add_parser("worker")  # no help, so that it is not listed: the supervisor starts it
    for name in ("--number", "--workers", "--listener", "--heartbeat"):
        worker.add_argument(name, type=int, required=True)
    worker.add_argument("--accept-when-ready", action="store_true")
    predict = commands.add_parser("predict", help="send series to a running server")
    predict.add_argument(
        "file", type=Path, help="series: text with the label first, .npy, .npz, .json or .arff; also gzipped"
    )
    predict.add_argument("--url", default=None, help="URL of the server (default: from HOST and PORT)")
    predict.add_argument(
        "--api-key", default=None, help="API key (default: API_KEY, which process lists do not show)"
    )
    predict.add_argument(
        "--abstain", action="store_true", help="print no label for a series if the model is not sure"
    )
    # Repeated here, so that `health` does not import numpy; a test compares them with the readers' choices.
    predict.add_argument(
        "--missing",
        choices=("refuse", "interpolate"),
        default="refuse",
        help="how to handle missing values (default: refuse)",
    )
    predict.add_argument(
        "--unequal",
        choices=("refuse", "pad"),
        default="refuse",
        help="how to handle short series (default: refuse); pad appends noise up to the model's length",
    )
    predict.add_argument("--no-labels", action="store_true", help="text: lines do not begin with a label")
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
        raise argparse.ArgumentTypeError(
            f"{text!r}: use 1 to 64 letters, digits, dots, dashes and underscores"
        )
    return text


def _run_with_short_errors(options: argparse.Namespace) -> int:
    """Run a command; print an expected error as one line, without a traceback."""
    from pydantic import ValidationError

    from app.errors import AppError

    try:
        return _run(options)
    except ValidationError as error:
        from app.settings import variable_name

        for item in error.errors(include_url=False):
            setting = "_".join(map(str, item["loc"])).upper() or "settings"
            print(f"{variable_name(setting, os.environ)}: {item['msg']}", file=sys.stderr)
    except AppError as error:
        print(error, file=sys.stderr)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("app."):
            raise
        print(
            f"{options.command}: no module named {error.name}; install the server's packages: run pip "
            "install '.[serve]' in the project's folder",
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
            heartbeat=options.heartbeat,
            accept_when_ready=options.accept_when_ready,
        )
    if options.command == "check":
        return check(settings)
    if options.command == "use":
        return use(settings, options.version)
    from app.settings.table import settings_table

    print(settings_table())
    return 0


def check(settings: Settings) -> int:
    """Load the artifact on the chosen engine and verify it against its golden answers.

    Raises:
        AppError: the artifact or the engine fails.
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
    """Choose which version of the folder ARTIFACT is served.

    Args:
        settings: of the servers.
        version: a number, or `latest`.

    Raises:
        AppError: the version does not exist or is damaged; the choice stays as it was.
    """
    from app import contract
    from app.errors import ArtifactError

    folder = settings.artifact
    if (folder / contract.CONTRACT_FILE).is_file():
        raise ArtifactError(
            f"{folder}: one version, not a folder of versions; set ARTIFACT to {folder.parent}"
        )
    number = contract.version_number(version)
    if number is None and version != "latest":
        remedy = f"use a number from 1 to {contract.MAX_VERSION} without leading zeros, or latest"
        raise ArtifactError(f"{version[:80]!a} is not a version; {remedy}")
    chosen = contract.newest_version(folder) if number is None else folder / str(number)
    contract.check_number(chosen, contract.open_artifact(chosen).contract)
    contract.pin(folder, number)
    print(f"{chosen} is chosen; servers load it within RELOAD_SECONDS or at SIGHUP", file=sys.stderr)
    return 0


def predict(options: argparse.Namespace) -> int:
    """Send the series of a file to a server and print its predictions.

    Raises:
        AppError: the file cannot be read, or the server does not answer with predictions.
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
    """The URL of the server on HOST and PORT, read without `Settings`, which needs the extra `serve`."""
    from app.client import ClientError
    from app.system.address import from_environment, local_url

    host, port = from_environment(os.environ)
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > MAX_PORT:
        raise ClientError(f"PORT: {port[:80]!a} is not a port; set a number up to {MAX_PORT}, or use --url")
    return local_url(host, int(port))


def make_key(name: str) -> int:
    """Make an API key: print the key to standard error, and its line for the key file to standard output."""
    from app.api.middleware.api_keys import line_of, new_key

    key = new_key()
    print(
        f"{key}\nThis is the key. It is shown only once. Add the line below to API_KEYS_FILE.",
        file=sys.stderr,
    )
    print(line_of(name, key))
    return 0
