"""Processes that listen on a port: the server and others."""

from __future__ import annotations

import os
import random
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from qa.harness.http_client import HOST, exchange
from qa.harness.messages import Response, get
from qa.harness.process import WAIT_SECONDS, Process

SERVE = (sys.executable, "-m", "app", "serve")
# Below Linux's ephemeral ports: while a server is down, no client connection may take its port.
# Test processes that run at the same time each use every n-th port ("0/4" is the first of four): a port that
# is found free may be one on which another's server is about to listen.
PORTS_VARIABLE = "TEST_PORTS"
_PART, _PARTS = map(int, os.environ.get(PORTS_VARIABLE, "0/1").split("/"))
_PORTS = range(20_000 + _PART, 32_000, _PARTS)


class ServerProcess(Process):
    """A process that listens on a port.

    Args:
        command: starts it.
        log: file to which its output is appended.
        settings: added to this process's environment, with HOST and PORT.
        port: its port; by default a free one.

    Attributes:
        port: its port.
        address: host and port.
        url: the URL of that address.
    """

    def __init__(
        self,
        command: Sequence[str] = SERVE,
        *,
        log: Path,
        settings: Mapping[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self.address = f"{HOST}:{self.port}"
        self.url = f"http://{self.address}"
        own = {"HOST": HOST, "PORT": str(self.port)}
        super().__init__(command, log=log, settings={**own, **(settings or {})})

    def get(self, path: str, *, seconds: float = 5.0) -> Response:
        """Send a GET on a new connection.

        Raises:
            OSError: there is no response.
        """
        return exchange(self.port, get(path), seconds=seconds)

    def status(self, path: str) -> int:
        """The status of the response to a GET; 0 without a response."""
        try:
            return self.get(path).status
        except OSError:
            return 0

    def metric(self, name: str) -> float:
        """The sum of the samples that start with a name and labels; 0 without one.

        Raises:
            OSError: there is no response.
        """
        lines = self.get("/metrics").body.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def wait_until_ready(self, path: str = "/readyz", *, seconds: float = WAIT_SECONDS) -> None:
        """Wait for a 200; see `wait_until`."""
        self.wait_until(lambda: self.get(path).status == 200, seconds=seconds)

    def wait_for_metric(self, name: str, value: float) -> None:
        """Wait until a metric has a value; see `metric` and `wait_until`."""
        self.wait_until(lambda: self.metric(name) == value, f"at {name} {value:g}")


@contextmanager
def running_server(
    *, command: Sequence[str] = SERVE, log: Path | None = None, wait: bool = True, **settings: str
) -> Iterator[ServerProcess]:
    """A server whose workers are all ready (with `wait`); killed at the end.

    Args:
        command: starts it.
        log: file to which its output is appended; by default one that is deleted at the end.
        wait: until it is ready.
        settings: by the names of their environment variables.

    Raises:
        NotServing: it does not become ready.
    """
    with TemporaryDirectory() as folder:
        server = ServerProcess(command, log=log or Path(folder) / "log", settings=settings)
        try:
            server.start()
            if wait:
                server.wait_until_ready()
                workers = settings.get("WORKERS", "1")
                if workers.isdecimal() and int(workers) > 1:  # one of them has answered
                    server.wait_for_metric("timeseries_ready_workers", int(workers))
            yield server
        finally:
            server.kill()


def free_port() -> int:
    """A port that nothing listens on.

    Raises:
        OSError: there is none.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            try:
                listener.bind((HOST, port))
            except OSError:  # taken
                continue
            return port
    raise OSError(f"no free port from {_PORTS.start} to {_PORTS.stop}")
