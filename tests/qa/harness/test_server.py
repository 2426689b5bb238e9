"""Processes are started, waited for and ended, whatever becomes of them."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from qa.harness.balancer import find_haproxy, start_balancer
from qa.harness.http_client import HOST
from qa.harness.server import NotServing, ServerProcess, free_port, running_server, wait_until

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


def ending(code: str, log: Path) -> ServerProcess:
    """A process that serves nothing, started."""
    server = ServerProcess((sys.executable, "-c", code), log=log)
    server.start()
    return server


def test_a_server_is_ready_asked_ended_and_started_again(tmp_path: Path) -> None:
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


def test_a_server_that_ends_early_is_quoted(tmp_path: Path) -> None:
    """Its last line says more than that it is not there."""
    server = ending("print('one'); print('no such model'); raise SystemExit(3)", tmp_path / "log")
    with pytest.raises(NotServing, match="ended with 3 before it was ready: no such model"):
        server.wait_until_ready()
    server.kill()


def test_waiting_has_an_end(tmp_path: Path) -> None:
    """For what it is to become, and for its end."""
    server = ending("import time; print('busy', flush=True); time.sleep(600)", tmp_path / "log")
    server.wait_for_log("busy")
    with pytest.raises(NotServing, match="not idle within 0 s: busy"):
        server.wait_until(lambda: False, "idle", seconds=0.1)
    with pytest.raises(NotServing, match=r"did not end within 0\.1 s: busy"):
        server.wait(seconds=0.1)
    with pytest.raises(NotServing, match="nobody came"):
        wait_until(lambda: False, lambda: "nobody came", seconds=0.1)
    server.kill()


def test_all_that_a_server_started_is_killed_with_it(tmp_path: Path) -> None:
    """Also what left its session, and what ignores that it is asked to end."""
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print('started', flush=True); time.sleep(600)"
    )
    server = ending(code, tmp_path / "log")
    server.wait_for_log("started")
    assert len(server.pids) == 2
    assert len(server.workers) == 1
    server.kill()
    assert server.pids == []


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    """And there is nothing to be killed then."""
    server = ServerProcess([str(tmp_path / "nothing")], log=tmp_path / "log")
    with pytest.raises(NotServing, match="cannot be started"):
        server.start()
    server.kill()


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
