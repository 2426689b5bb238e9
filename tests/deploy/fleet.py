"""Real processes: replicas of the server and a balancer in front of them, on free ports of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
BALANCER_CONFIG = ROOT / "deploy" / "haproxy.cfg"
START_SECONDS = 60.0


class Process:
    """A child process, its output in a file, and what it answers on `/readyz`."""

    def __init__(self, command: list[str], *, port: int, environment: dict[str, str], log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT
            )

    def wait_until_ready(self) -> None:
        """Wait for a 200 of `/readyz`; the process's own words are the error if it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2.0, trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{self.url} did not get ready:\n{self._log.read_text()}")

    def terminate(self) -> int:
        """Send SIGTERM and wait; the exit code."""
        self._process.terminate()
        return self._process.wait(timeout=START_SECONDS)

    def kill(self) -> None:
        """End it as a crash would: no signal it could catch, no goodbye to its connections."""
        self._process.kill()
        self._process.wait()


class Replica:
    """A server on a port of its own, that can be started again and again."""

    def __init__(self, *, drain_delay: float, log: Path) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._drain_delay = drain_delay
        self._log = log
        self._process: Process | None = None

    def start(self) -> None:
        """Start it; it is ready some seconds later."""
        environment = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WORKERS": "1",
            "ARTIFACT": "model_artifacts/forda",
            "ENGINE": "openvino",
            "DRAIN_DELAY": str(self._drain_delay),
        }
        command = [sys.executable, "-m", "app", "serve"]
        self._process = Process(command, port=self.port, environment=environment, log=self._log)

    @property
    def process(self) -> Process:
        """The process that was started last."""
        assert self._process is not None
        return self._process

    def kill(self) -> None:
        """Make sure that nothing of it is left."""
        if self._process:
            self._process.kill()


def start_balancer(haproxy: str, *, replicas: list[str], log: Path) -> Process:
    """Start HAProxy on the configuration that is deployed, in front of two addresses."""
    port = free_port()
    environment = {
        "PORT": str(port),
        "REPLICA_1": replicas[0],
        "REPLICA_2": replicas[1],
        "REPLICA_GPU": unused_address(),
    }
    command = [haproxy, "-db", "-f", str(BALANCER_CONFIG)]
    return Process(command, port=port, environment=environment, log=log)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def unused_address() -> str:
    """An address that refuses connections."""
    return f"127.0.0.1:{free_port()}"
