"""What /proc tells."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from qa.harness import proc
from qa.harness.http_client import HOST

SIZE = 64 * 1024 * 1024


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


def test_the_peak_of_another_process_is_read_and_reset() -> None:
    """Memory that it has freed counts until the reset."""
    code = f"held = bytearray({SIZE}); del held; print('freed', flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        peak = proc.peak(child.pid)
        proc.reset_peak(child.pid)
        assert peak > SIZE > proc.peak(child.pid)
        child.kill()


def test_memory_that_is_held_for_a_moment_is_seen() -> None:
    """The most within the block counts, not what is left of it, nor what came before."""
    assert np.ones(2 * SIZE, np.uint8).sum() == 2 * SIZE
    with proc.PeakMemory() as peak:
        assert np.ones(SIZE, np.uint8).sum() == SIZE
    assert 0.9 * SIZE < peak.grown < 1.9 * SIZE
    with proc.PeakMemory() as peak:
        pass
    assert peak.grown < SIZE / 4


def test_only_marked_processes_are_found() -> None:
    """And what they have started in an environment of its own; nobody else's are touched."""
    code = "import subprocess; print(subprocess.Popen(['sleep', '60'], env={}).pid, flush=True); input()"
    environment = {**os.environ, proc.MARK: "of this test"}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert set(proc.marked("of this test")) == {parent.pid, child}
        proc.kill_marked("of this test")
    assert not proc.is_alive(child)
    assert proc.marked("of this test") == []


def test_what_a_process_computes_is_counted() -> None:
    """Its own time, not that of others; one that has ended has none."""
    with (
        subprocess.Popen(["sleep", "60"]) as idle,
        subprocess.Popen(["sh", "-c", "while :; do :; done"]) as busy,
    ):
        while proc.cpu_seconds(busy.pid) < 0.1:
            time.sleep(0.01)
        assert proc.cpu_seconds(idle.pid) < 0.1
        assert proc.memory(idle.pid)[0] >= proc.memory(idle.pid)[1] > 0
        for process in (idle, busy):
            process.kill()
    assert proc.cpu_seconds(busy.pid) == 0
    assert proc.memory(busy.pid) == (0, 0)
