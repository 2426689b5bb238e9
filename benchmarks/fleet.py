"""Replicas with one CPU core each, and HAProxy in front of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from benchmarks.peers.errors import HarnessError
from benchmarks.peers.processes import Launch, Running, running
from qa.harness import proc
from qa.harness.balancer import BALANCER_CONFIG, find_haproxy, start_balancer
from qa.harness.process import NotServing
from qa.harness.server import SERVE, ServerProcess

# The period of Linux's CPU quotas: a container that has used up its share is stopped until the next one.
QUOTA_PERIOD = 0.1


@contextmanager
def replicas(count: int, *, artifact: Path, logs: Path) -> Iterator[list[Running]]:
    """Ready replicas with one worker and default limits, each on its own CPU core while there are enough.

    Args:
        count: number of replicas.
        artifact: ARTIFACT of all.
        logs: folder of their logs.

    Raises:
        HarnessError: `taskset` is not installed.
        PeerError: a replica does not start.
    """
    program = shutil.which("taskset")
    if program is None:
        raise HarnessError("taskset is not installed; install it (on Debian: apt-get install util-linux)")
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        found = []
        for number in range(count):
            command = (program, "--cpu-list", str(cores[number % len(cores)]), *SERVE)
            launch = Launch(command, {"WORKERS": "1", "ARTIFACT": str(artifact)})
            found.append(stack.enter_context(running(launch, log=logs / f"replica-{number + 1}.log")))
        for replica in found:
            replica.wait_until_ready()
        yield found


@contextmanager
def balancer(behind: Sequence[Running], *, log: Path, **settings: str) -> Iterator[ServerProcess]:
    """HAProxy with `deploy/haproxy.cfg`, ready.

    Args:
        behind: the replicas.
        log: the file that gets its output.
        settings: environment variables of the configuration.

    Raises:
        HarnessError: it is not installed, or does not start.
    """
    addresses = [replica.address for replica in behind]
    try:
        process = start_balancer(_haproxy(), replicas=addresses, log=log, config=BALANCER_CONFIG, **settings)
    except NotServing as error:
        raise HarnessError(f"HAProxy does not start: {error}") from error
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.kill()


def haproxy_version() -> str:
    """HAProxy's name and version.

    Raises:
        HarnessError: it is not installed.
    """
    done = subprocess.run([_haproxy(), "-v"], capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split()[:3:2])


@contextmanager
def throttled(replica: Running, *, share: float) -> Iterator[None]:
    """Let a replica run for a share of each period only, as a CPU quota of less than a core does.

    Args:
        replica: stopped and continued with signals.
        share: of the time that it runs, between 0 and 1.
    """
    pids, done = replica.pids, threading.Event()

    def alternate() -> None:
        while not done.wait(share * QUOTA_PERIOD):
            _signal(pids, signal.SIGSTOP)
            done.wait((1 - share) * QUOTA_PERIOD)
            _signal(pids, signal.SIGCONT)

    thread = threading.Thread(target=alternate, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        _signal(pids, signal.SIGCONT)


@contextmanager
def beside(count: int) -> Iterator[None]:
    """Keep this process, and what it starts, off the cores of so many `replicas`, if that leaves it one."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[count:] or cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def cpu_seconds(processes: Sequence[ServerProcess]) -> float:
    """CPU time of processes and their children until now."""
    return sum(proc.cpu_seconds(pid) for process in processes for pid in process.pids)


def _haproxy() -> str:
    program = find_haproxy()
    if program is None:
        raise HarnessError("HAProxy is not installed; install it (on Debian: apt-get install haproxy)")
    return program


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
