"""Fixtures: the balancer's program, and a fleet of real processes that leaves nothing behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.fleet import Process, Replica, start_balancer

# More than the balancer needs to notice; deployed, it is longer (docker-compose.yml).
DRAIN_DELAY = 2.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """Two ready replicas and the balancer in front of them."""

    replicas: dict[str, Replica]
    balancer: Process


@pytest.fixture(scope="session")
def haproxy() -> str:
    """The balancer's program."""
    path = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if path is None:
        pytest.skip("HAProxy is not installed: apt-get install haproxy")
    return path


@pytest.fixture(scope="module")
def fleet(haproxy: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet for the tests of one file; each leaves it as it found it, with both replicas ready."""
    folder: Path = tmp_path_factory.mktemp("fleet")
    replicas = {
        name: Replica(drain_delay=DRAIN_DELAY, log=folder / f"{name}.log")
        for name in ("replica-1", "replica-2")
    }
    with ExitStack() as stack:
        for replica in replicas.values():
            stack.callback(replica.kill)
            replica.start()
        addresses = [replica.address for replica in replicas.values()]
        balancer = start_balancer(haproxy, replicas=addresses, log=folder / "balancer.log")
        stack.callback(balancer.kill)
        for replica in replicas.values():
            replica.process.wait_until_ready()
        balancer.wait_until_ready()
        yield Fleet(replicas, balancer)
