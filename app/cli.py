"""The command line: `python -m app serve`, and what operators and newcomers run beside it."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.errors import AppError
from app.settings import Settings

log = logging.getLogger(__name__)

FAILED = 1
# Past the drain, time for the last answers to be written before connections are cut.
GRACE_SECONDS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0 if it did what it should."""
    parser = argparse.ArgumentParser(prog="python -m app", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the artifact; settings come from the environment")
    commands.add_parser("check", help="load the artifact and prove it on its golden answers, then exit")
    commands.add_parser("health", help="exit 0 if the server on HOST:PORT is ready")
    commands.add_parser("settings", help="print every setting, its default and its meaning, as Markdown")
    predict = commands.add_parser("predict", help="send series to a running server")
    predict.add_argument("file", type=Path, help="a .npy file, or a .json file with an array of series")
    predict.add_argument("--url", default=None, help="the server; HOST and PORT by default")
    options = parser.parse_args(arguments)
    try:
        return _run(options, Settings())
    except ValidationError as error:
        for item in error.errors(include_url=False):
            name = "_".join(map(str, item["loc"])).upper() or "settings"
            print(f"{name}: {item['msg']}", file=sys.stderr)
    except AppError as error:
        print(error, file=sys.stderr)
    return FAILED


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if options.command == "serve":
        return serve(settings)
    if options.command == "check":
        return check(settings)
    if options.command == "health":
        return health(settings)
    if options.command == "settings":
        print(settings_table())
        return 0
    return predict(options.file, options.url or _url(settings))


def serve(settings: Settings) -> int:
    """Serve until a signal; 0 if all that was accepted was answered.

    Raises:
        ArtifactError: the artifact is missing, damaged or foreign.
    """
    from app import logs

    logs.configure(level=settings.log_level, style=settings.log_format)
    # Uvicorn raises the signal again when it is done; by then it has been obeyed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    if settings.workers > 1:
        return _serve_workers(settings)
    from app.main import create_app

    app = create_app(settings)
    _run_uvicorn(app, settings)
    return FAILED if app.state.service.has_failed else 0


def _serve_workers(settings: Settings) -> int:
    # Each worker proves the artifact for itself. Proving it once before they start turns a broken artifact
    # into one line instead of a crash loop; in a process of its own, so that its memory is given back.
    if code := subprocess.run([sys.executable, "-m", "app", "check"], check=False).returncode:
        return code
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        _run_uvicorn("app.main:create_app", settings, factory=True, workers=settings.workers)
    return 0


def _run_uvicorn(app: Any, settings: Settings, **options: Any) -> None:
    import uvicorn

    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.drain_timeout) + GRACE_SECONDS,
        **options,
    )


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


def health(settings: Settings) -> int:
    """0 if the server on this machine says that it is ready."""
    import httpx

    url = f"{_url(settings)}/readyz"
    try:
        response = httpx.get(url, timeout=2.0, trust_env=False)
    except httpx.HTTPError as error:
        print(f"{url}: {error}", file=sys.stderr)
        return FAILED
    if response.status_code != 200:
        print(f"{url}: {response.text}", file=sys.stderr)
        return FAILED
    return 0


def predict(file: Path, url: str) -> int:
    """Send the series of a file to a server and print its predictions, a JSON object a line.

    Raises:
        ClientError: the file cannot be read, or the server's own words.
    """
    from app.client import Client, read_series

    with Client(url) as client:
        for prediction in client.predict(read_series(file)):
            print(prediction.model_dump_json())
    return 0


def settings_table() -> str:
    """Every setting as a Markdown table."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        rows.append(f"| `{name.upper()}` | `{default}` | {field.description} |")
    return "\n".join(rows)


def _url(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host  # noqa: S104 - compared
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
