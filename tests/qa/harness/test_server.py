"""Processes are started, waited for and ended, whatever becomes of them."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from qa.harness.balancer import find_haproxy, start_balancer
from qa.harness.http_client import HOST
from qa.harness.server import free_port, running_server

# Answers at its port, and says how it was started and what it was sent.
SERVER = """
import http.server, os, signal, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b'calls_total{path="/a"} 2.0\\ncalls_total{path="/b"} 3.0\\nother 1.0\\n'
        self.send_response(200 if self.path in ("/readyz", "/metrics") else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("setting", os.environ["SETTING"], flush=True)
http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
COMMAND = (sys.executable, "-c", SERVER)


def test_a_server_is_started_used_stopped_and_started_again(tmp_path: Path) -> None:
    """On the same port each time, with its settings, and with all its output in one file."""
    with running_server(command=COMMAND, log=tmp_path / "log", SETTING="mine") as server:
        assert server.get("/metrics").status == 200
        assert (server.status("/readyz"), server.status("/other")) == (200, 404)
        assert (server.metric("calls_total"), server.metric("none")) == (5, 0)
        server.wait_for_metric('calls_total{path="/a"}', 2)
        assert server.process.poll() is None
        assert server.stop() == server.exit_code == 7
        assert server.status("/readyz") == 0
        server.start()
        server.wait_until_ready()
        assert server.wait_for_log(r"setting (\w+)", times=2) == ["mine", "mine"]
        pid = server.pid
        assert server.pids == [pid]
    assert server.pids == []
    assert server.exit_code == -9


def test_a_free_port_can_be_listened_on() -> None:
    """And no client is given it."""
    port = free_port()
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert port < first
    with socket.create_server((HOST, port)):
        pass


def test_a_balancer_knows_who_is_missing(tmp_path: Path) -> None:
    """It asks nobody but the replica that is there."""
    program = find_haproxy()
    if program is None:
        pytest.skip("HAProxy is not installed: apt-get install haproxy")
    with running_server(command=COMMAND, SETTING="") as replica:
        balancer = start_balancer(program, replicas=[replica.address], log=tmp_path / "log")
        try:
            balancer.wait_until_ready()
            assert "replica-1 is DOWN" not in balancer.output
            assert "replica-2 is DOWN" in balancer.output
            assert "replica-gpu is DOWN" in balancer.output
        finally:
            balancer.kill()
