"""`app.server.serve`: the imports of the supervisor's process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = {"fastapi", "httptools", "numpy", "openvino", "starlette", "uvicorn", "uvloop"}


def test_the_supervisor_does_not_import_the_app(root: Path) -> None:
    """It imports the settings, logging and a counter, but no runtime and no web framework."""
    code = "import sys, app.cli, app.server.serve; app.server.serve.restart_counter(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
    assert "prometheus_client" in done.stdout.split()
