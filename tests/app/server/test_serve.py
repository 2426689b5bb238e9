"""`app.server.serve`: what the supervisor's process is spared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = {"fastapi", "httptools", "numpy", "openvino", "starlette", "uvicorn", "uvloop"}


def test_the_process_that_supervises_loads_nothing_that_answers_requests(root: Path) -> None:
    """It holds the settings, the log and a counter, and no model: that is what the workers are for."""
    code = "import sys, app.cli, app.server.serve; app.server.serve.restart_counter(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
    assert "prometheus_client" in done.stdout.split()
