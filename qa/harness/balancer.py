"""Starts HAProxy with the deployed configuration in front of real servers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from qa.harness.http_client import HOST
from qa.harness.process import ROOT
from qa.harness.server import ServerProcess, free_port

BALANCER_CONFIG = ROOT / "deploy" / "haproxy.cfg"
# Its names of the replicas, and the variables with their addresses.
NAMES = {"replica-1": "REPLICA_1", "replica-2": "REPLICA_2", "replica-gpu": "REPLICA_GPU"}


def find_haproxy() -> str | None:
    """Path of the program; None if it is not installed."""
    return shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def start_balancer(
    program: str, *, replicas: Sequence[str], log: Path, config: Path = BALANCER_CONFIG, **settings: str
) -> ServerProcess:
    """Start HAProxy, and wait until it knows which of the three replicas are missing.

    Args:
        program: HAProxy.
        replicas: up to three addresses.
        log: the file that gets its output.
        config: another configuration, for shorter timeouts.
        settings: further environment variables.

    Raises:
        NotServing: it does not start.
    """
    addresses = [*replicas, *(f"{HOST}:{free_port()}" for _ in range(len(NAMES) - len(replicas)))]
    settings |= dict(zip(NAMES.values(), addresses, strict=True))
    balancer = ServerProcess((program, "-db", "-f", str(config)), log=log, settings=settings)
    try:
        balancer.start()
        # Until a health check fails, it sends requests there.
        for name in list(NAMES)[len(replicas) :]:
            balancer.wait_for_log(f"Server replicas/{name} is DOWN")
    except BaseException:
        balancer.kill()
        raise
    return balancer
