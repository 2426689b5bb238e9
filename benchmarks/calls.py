"""Number of calls into `app/` for a request, and of those to another file than the previous one."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import FrameType

import numpy as np

import app
from app.contract import Artifact
from app.main import create_app
from app.settings import Settings
from benchmarks.bodies import json_body
from benchmarks.played import REQUESTS, cpu_seconds

# The same request; the query makes it take the framework's path.
PATHS = {"fast path": "/predict", "framework's path": "/predict?"}
_APP = str(Path(app.__file__).parent)


class _Counter:
    """Counts calls of functions of `app/` on the event loop's thread, as a profiler."""

    def __init__(self) -> None:
        self.calls = self.changes = 0
        self._file = ""

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Count a call; other events are ignored."""
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(_APP):
            self.calls += 1
            self.changes += file != self._file
            self._file = file

    def started(self) -> float:
        """Start or stop counting. `cpu_seconds` calls it as its clock, before and after its requests."""
        sys.setprofile(self if sys.getprofile() is None else None)
        return time.process_time()


def table(artifact: Artifact) -> str:
    """Calls and changes of file for each path, one JSON series on one connection."""
    body = json_body(np.resize(artifact.golden.series, (1, artifact.contract.input.length)))
    rows = ["### Calls into `app/` for a request of one JSON series", ""]
    rows += ["| path | calls | changes of file |", "|---|---|---|"]
    for path, target in PATHS.items():
        counter = _Counter()
        head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        cpu_seconds(
            create_app(Settings(artifact=artifact.folder, engine="openvino", log_level="error")),
            f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body,
            connections=1,
            repeats=1,
            clock=counter.started,
        )
        rows.append(f"| {path} | {counter.calls / REQUESTS:,.0f} | {counter.changes / REQUESTS:,.0f} |")
    return "\n".join(rows)
