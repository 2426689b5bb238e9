"""`app.system.affinity`: the cores of each worker on any machine, and real pinned workers."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.system.affinity import (
    MAX_WORKERS,
    cores_of_worker,
    engine_threads,
    resolve_workers,
    usable,
    usable_here,
)
from qa.harness.server import ServerProcess, running_server

needs_two = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="no CPU affinity, or a single CPU core",
)

core_sets = st.sets(st.integers(0, 1023), min_size=1, max_size=130)


def shares(of: set[int], workers: int) -> list[set[int]]:
    """The cores of each worker."""
    return [cores_of_worker(of, number=number, workers=workers) for number in range(1, workers + 1)]


@given(core_sets, st.integers(1, 130))
def test_every_core_is_used_and_every_worker_has_one(of: set[int], workers: int) -> None:
    """For any set of cores and any number of workers."""
    assert all(shares(of, workers))
    assert set().union(*shares(of, workers)) == of


@given(core_sets, st.data())
def test_each_worker_has_the_same_number_of_own_cores(of: set[int], data: st.DataObject) -> None:
    """If there are enough cores; all workers share the remainder."""
    workers = data.draw(st.integers(1, len(of)))
    found = shares(of, workers)
    common = set.intersection(*found) if workers > 1 else set()
    assert len(common) == (len(of) % workers if workers > 1 else 0)
    own = [mine - common for mine in found]
    assert len({len(mine) for mine in own}) == 1
    assert sum(map(len, own)) + len(common) == len(of)


@given(core_sets, st.integers(1, 130))
def test_more_workers_than_cores_share_all_cores(of: set[int], more: int) -> None:
    """No worker is pinned to a subset."""
    workers = len(of) + more
    assert all(mine == of for mine in shares(of, workers))


@pytest.mark.parametrize(
    ("affinity", "quota", "workers", "time_of"),
    [
        (8, None, 1, 8),
        (8, None, 2, 8),
        (8, 1.0, 1, 1),
        (8, 1.5, 1, 1),
        (8, 2.0, 1, 2),
        (8, 0.1, 1, 1),
        (8, 4.0, 2, 2),
        (8, 3.0, 4, 1),
        (2, 16.0, 1, 2),
        (1, 8.0, 4, 1),
    ],
)
def test_a_quota_counts_in_whole_cores(
    affinity: int, quota: float | None, workers: int, time_of: int
) -> None:
    """Shared by the workers, never less than one, and never more than there are."""
    assert usable(affinity, quota, workers=workers) == time_of


def on_a_machine(monkeypatch: pytest.MonkeyPatch, *, affinity: int, quota: float | None) -> None:
    """Have this process see so many CPU cores and such a quota."""
    monkeypatch.setattr("app.system.affinity.available", lambda: range(affinity))
    monkeypatch.setattr("app.system.affinity.cpu_quota", lambda: quota)


@pytest.mark.parametrize(
    ("affinity", "quota", "workers"),
    [(8, None, 8), (8, 2.5, 2), (8, 0.5, 1), (1, None, 1), (1000, None, MAX_WORKERS)],
)
def test_auto_is_one_worker_per_usable_core(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    affinity: int,
    quota: float | None,
    workers: int,
) -> None:
    """The log entry has the reasons."""
    on_a_machine(monkeypatch, affinity=affinity, quota=quota)
    with caplog.at_level(logging.INFO):
        assert resolve_workers("auto") == workers
    reasons = f"CPU cores by affinity: {affinity}, CPU quota: {'none' if quota is None else quota}"
    assert caplog.messages == [f"WORKERS=auto: {workers} workers ({reasons})"]


def test_a_number_of_workers_is_used_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """On any machine."""
    on_a_machine(monkeypatch, affinity=1, quota=0.5)
    assert resolve_workers(7) == 7


@pytest.mark.parametrize(
    ("threads", "affinity", "quota", "workers", "bounded"),
    [(0, 8, None, 1, 0), (0, 8, 8.0, 1, 0), (0, 8, 2.0, 1, 2), (0, 8, 4.0, 2, 2), (6, 8, 2.0, 1, 6)],
)
def test_the_default_number_of_threads_is_limited_by_the_quota(
    monkeypatch: pytest.MonkeyPatch,
    threads: int,
    affinity: int,
    quota: float | None,
    workers: int,
    bounded: int,
) -> None:
    """Runtimes do not know the quota. A number that the operator has set is used."""
    on_a_machine(monkeypatch, affinity=affinity, quota=quota)
    assert engine_threads(threads, workers=workers) == bounded


def test_auto_starts_real_workers() -> None:
    """Their number is the one in the log."""
    expected = usable_here(workers=1)
    with running_server(WORKERS="auto") as server:
        log = server.log.read_text()
        assert f"WORKERS=auto: {expected} workers (CPU cores by affinity: " in log
        if expected > 1:
            ready_workers(server, expected)
            assert f"{expected} workers listen on 127.0.0.1" in server.log.read_text()


def ready_workers(server: ServerProcess, count: int) -> list[int]:
    """Process IDs of the workers that are ready, once there are `count`."""
    return [int(pid) for pid in server.wait_for_log(r"\(pid (\d+)\) is ready", times=count)]


def allowed(pid: int) -> set[int]:
    """The CPU cores on which any thread of a process may run."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return set().union(*(os.sched_getaffinity(int(thread.name)) for thread in threads))


@needs_two
def test_two_workers_have_different_cores() -> None:
    """With all their threads, the engine's included; a replacement gets the cores of its predecessor."""
    everything = os.sched_getaffinity(0)
    with running_server(WORKERS="2") as server:
        workers = ready_workers(server, 2)
        first, second = map(allowed, workers)
        assert first | second == everything
        assert first & second == (set() if len(everything) % 2 == 0 else {max(everything)})
        os.kill(workers[0], signal.SIGKILL)
        assert allowed(ready_workers(server, 3)[-1]) == first


@needs_two
def test_workers_can_run_unpinned() -> None:
    """For operators who pin processes by other means."""
    with running_server(WORKERS="2", PIN_WORKERS="false") as server:
        assert all(allowed(pid) == os.sched_getaffinity(0) for pid in ready_workers(server, 2))


@needs_two
def test_a_single_worker_is_not_pinned(server: ServerProcess) -> None:
    """Its event loop and its engine run in parallel."""
    assert allowed(server.process.pid) == os.sched_getaffinity(0)


REFUSED = """
import os, sys
from app.telemetry import logs
from app.system.affinity import pin_worker

def refuse(pid, cores):
    raise PermissionError(1, "Operation not permitted")

logs.configure(level="info", style="text")
os.sched_setaffinity = refuse
pin_worker(number=1, workers=1)
"""


@needs_two
def test_a_worker_that_cannot_be_pinned_logs_a_warning(root: Path) -> None:
    """A sandbox may forbid it; the worker serves without."""
    done = subprocess.run(
        [sys.executable, "-c", REFUSED], cwd=root, capture_output=True, text=True, check=True
    )
    assert "worker 1 cannot be pinned to CPU cores" in done.stderr
    assert "Traceback" not in done.stderr
