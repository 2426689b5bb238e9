"""What /proc tells."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

from qa.chaos import proc
from qa.chaos.addresses import HOST


def test_what_a_process_holds_is_counted() -> None:
    """A descriptor more is one more; memory and threads are there."""
    before = proc.held(os.getpid())
    with socket.socket():
        during = proc.held(os.getpid())
    assert during.descriptors == before.descriptors + 1
    assert during.threads >= 1
    assert during.resident > 2**20


def test_children_are_found_while_they_live() -> None:
    """A child is listed; once it has ended, it is not, whether or not somebody has asked for its code."""
    with subprocess.Popen(["sleep", "60"]) as child:
        assert child.pid in proc.children(os.getpid())
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert child.pid not in proc.children(os.getpid())


def test_who_is_connected_to_a_process_is_known_by_port() -> None:
    """The other end of a connection that a process holds is found, and nobody else."""
    with (
        socket.create_server((HOST, 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        port = client.getsockname()[1]
        assert port not in proc.peer_ports(os.getpid())  # not accepted yet
        accepted, _ = listener.accept()
        with accepted:
            assert port in proc.peer_ports(os.getpid())


def test_a_process_that_has_ended_holds_nothing() -> None:
    """Asking for it is an error, not a zero."""
    with subprocess.Popen(["true"]) as child:
        child.wait()
    with pytest.raises(OSError, match="No such"):
        proc.held(child.pid)
