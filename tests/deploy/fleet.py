"""Real processes: replicas of the server and a balancer in front of them, on free ports of this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
BALANCER_CONFIG = ROOT / "deploy" / "haproxy.cfg"
START_SECONDS = 60.0
# The balancer's names of the replicas.
NAMES = ("replica-1", "replica-2", "replica-gpu")


class Process:
    """A child process, its output in a file, and what it answers on `/readyz`."""

    def __init__(self, command: list[str], *, port: int, environment: dict[str, str], log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
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

    @property
    def output(self) -> str:
        """All that it has written so far."""
        return self._log.read_text()

    def wait_for_output(self, text: str) -> None:
        """Wait until it has written a text; what it wrote instead is the error."""
        deadline = time.monotonic() + START_SECONDS
        while text not in self.output:
            assert time.monotonic() < deadline, f"no {text!r}:\n{self.output}"
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal and do not wait."""
        self._process.send_signal(number)

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

    def wait_until_closed(self) -> None:
        """Wait until it accepts no connections any more, while it may still answer on those that it has."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                return
            time.sleep(0.05)
        raise AssertionError(f"{self.address} still accepts connections")

    def kill(self) -> None:
        """Make sure that nothing of it is left."""
        if self._process:
            self._process.kill()


def start_balancer(
    haproxy: str, *, replicas: list[str], log: Path, config: Path = BALANCER_CONFIG, **settings: str
) -> Process:
    """Start HAProxy on the deployed configuration, and wait until it knows which replicas are missing.

    Args:
        haproxy: the program.
        replicas: up to three addresses.
        log: the file that gets its output.
        config: another one, to have shorter timeouts.
        settings: further environment variables.
    """
    port = free_port()
    missing = NAMES[len(replicas) :]
    addresses = replicas + [unused_address() for _ in missing]
    environment = {"PORT": str(port)} | settings
    environment |= dict(zip(("REPLICA_1", "REPLICA_2", "REPLICA_GPU"), addresses, strict=True))
    balancer = Process([haproxy, "-db", "-f", str(config)], port=port, environment=environment, log=log)
    try:
        # Until a check has failed, it sends requests there.
        for name in missing:
            balancer.wait_for_output(f"Server replicas/{name} is DOWN")
    except BaseException:
        balancer.kill()
        raise
    return balancer


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def unused_address() -> str:
    """An address that refuses connections."""
    return f"127.0.0.1:{free_port()}"
