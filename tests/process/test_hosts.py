"""A real server at every kind of HOST: where it answers, and that the health command finds it there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import httpx
import pytest

from app.contract import Artifact
from qa.harness.server import ServerProcess, running_server
from tests.app.server.test_health import own_link_local
from tests.conftest import ROOT
from tests.support import plain_http

has_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system has no IPv6")
LOOPBACK = ("127.0.0.1", "[::1]")


def wait_until_healthy(server: ServerProcess, *, host: str, workers: str = "1") -> None:
    """Once it is ready, ask the health command, as a container's health check does, until it says yes."""
    server.wait_for_log("ready: tiny/", times=int(workers))
    environment = {**os.environ, "HOST": host, "PORT": str(server.port)}
    command = [sys.executable, "-m", "app", "health"]
    server.wait_until(
        lambda: not subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode, "healthy"
    )


def answers(address: str, server: ServerProcess) -> bool:
    """Whether the server is at an address; of several workers, one may not be ready yet."""
    try:
        return plain_http.get(f"http://{address}:{server.url.rpartition(':')[2]}/livez").is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("host", "workers", "at"),
    [
        ("0.0.0.0", "1", {"127.0.0.1"}),
        ("localhost", "1", {"127.0.0.1"}),
        pytest.param("::", "1", {"127.0.0.1", "[::1]"}, marks=has_ipv6),
        pytest.param("::", "2", {"127.0.0.1", "[::1]"}, marks=has_ipv6),
        pytest.param("[::1]", "1", {"[::1]"}, marks=has_ipv6),
        pytest.param("::1", "2", {"[::1]"}, marks=has_ipv6),
    ],
)
def test_a_server_answers_where_its_host_says(
    trusted_artifact: Artifact, host: str, workers: str, at: set[str]
) -> None:
    """`::` is IPv4 and IPv6, with one worker as with several."""
    folder = str(trusted_artifact.folder)
    with running_server(wait=False, ARTIFACT=folder, HOST=host, WORKERS=workers) as server:
        wait_until_healthy(server, host=host, workers=workers)
        assert {address for address in LOOPBACK if answers(address, server)} == at
        assert server.stop() == 0


@pytest.mark.skipif(own_link_local() is None, reason="this machine has no link-local address")
def test_a_server_answers_at_a_link_local_address(trusted_artifact: Artifact) -> None:
    """Which is one only together with its interface."""
    host = own_link_local() or ""
    with running_server(wait=False, ARTIFACT=str(trusted_artifact.folder), HOST=host) as server:
        wait_until_healthy(server, host=host)
        assert not any(answers(address, server) for address in LOOPBACK)
        assert server.stop() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_the_system_picks_is_in_the_log(workers: str) -> None:
    """With PORT=0 it is nowhere else."""
    with running_server(wait=False, PORT="0", WORKERS=workers, LOG_FORMAT="text") as server:
        port = int(server.wait_for_log(r"listen.* on .*127\.0\.0\.1\D+(\d+)")[0])
        assert plain_http.get(f"http://127.0.0.1:{port}/livez", timeout=60).is_success
