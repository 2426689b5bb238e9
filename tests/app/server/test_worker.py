"""`app.server.worker`: the heartbeats of a real worker."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from app.server.heartbeat import Heartbeat

TIMEOUT_SECONDS = 60.0


def test_a_worker_reports_ready_before_it_accepts(root: Path) -> None:
    """A worker that hangs when it begins to accept is then replaced after WORKER_TIMEOUT."""
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        ours.settimeout(TIMEOUT_SECONDS)
        process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    "-m",
                    "tests.app.server.hangs_at_accept",
                    "worker",
                    "--number=1",
                    "--workers=1",
                ),
                *(f"--listener={listener.fileno()}", f"--heartbeat={theirs.fileno()}", "--accept-when-ready"),
            ],
            cwd=root,
            pass_fds=(listener.fileno(), theirs.fileno()),
            stderr=subprocess.DEVNULL,
        )
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            received = [Heartbeat.from_line(line + b"\n") for line in ours.recv(65536).splitlines()]
            assert received[-1] == Heartbeat(ready=True, alive=True)
        finally:
            process.kill()
            process.wait()
