"""Running the app under uvicorn: one process, or several that share the port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from typing import Any

import uvicorn

from app import logs
from app.main import create_app
from app.protocol import OneWriteProtocol
from app.settings import Settings

FAILED = 1
# Past the drain, time for the last answers to be written before connections are cut.
GRACE_SECONDS = 5


def serve(settings: Settings) -> int:
    """Serve until a signal; 0 if all that was accepted was answered.

    Raises:
        ArtifactError: the artifact is missing, damaged or foreign.
    """
    logs.configure(level=settings.log_level, style=settings.log_format)
    if settings.workers > 1:
        return _serve_workers(settings)
    app = create_app(settings)
    service = app.state.service
    # Uvicorn raises the signal that ended it once more when it is done; by then it has been obeyed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(FAILED if service.has_failed else 0))
    _run_uvicorn(app, settings)
    return FAILED if service.has_failed else 0


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
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        http=OneWriteProtocol,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=int(settings.drain_timeout) + GRACE_SECONDS,
        log_config=None,
        access_log=False,
        server_header=False,
        **options,
    )
