"""`app.server.worker`: what a real worker tells its supervisor, and when."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from app.server.heartbeat import Heartbeat

PATIENCE_SECONDS = 60.0


def test_a_worker_says_that_it_is_ready_before_it_accepts(root: Path) -> None:
    """One that hangs as it begins to accept has said so, and is replaced like any other that falls silent."""
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        ours.settimeout(PATIENCE_SECONDS)
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
                *(f"--listener={listener.fileno()}", f"--heart={theirs.fileno()}", "--accept-when-ready"),
            ],
            cwd=root,
            pass_fds=(listener.fileno(), theirs.fileno()),
            stderr=subprocess.DEVNULL,
        )
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            said = [Heartbeat.of_line(line + b"\n") for line in ours.recv(65536).splitlines()]
            assert said[-1] == Heartbeat(ready=True, alive=True)
        finally:
            process.kill()
            process.wait()
