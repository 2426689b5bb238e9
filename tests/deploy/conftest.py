"""Fixtures: the balancer's program, and a fleet of real processes that leaves nothing behind."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from qa.harness.balancer import BALANCER_CONFIG, find_haproxy, start_balancer
from qa.harness.server import ServerProcess
from tests.deploy.upstream import Upstream

# More than the balancer needs to notice; deployed, it is longer (docker-compose.yml).
DRAIN_DELAY = 2.0
# How often replicas are checked. In front of upstreams more often: each balancer waits for the first checks.
CHECKS = "check inter 500ms fastinter 250ms downinter 500ms"
QUICK_CHECKS = "check inter 50ms fastinter 25ms downinter 50ms"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Two ready replicas and the balancer in front of them."""

    replicas: dict[str, ServerProcess]
    balancer: ServerProcess


@pytest.fixture(scope="session")
def haproxy() -> str:
    """The balancer's program."""
    path = find_haproxy()
    if path is None:
        pytest.skip("HAProxy is not installed: apt-get install haproxy")
    return path


@pytest.fixture(scope="module")
def fleet(haproxy: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet for the tests of one file; each leaves it as it found it, with both replicas ready."""
    folder: Path = tmp_path_factory.mktemp("fleet")
    settings = {"WORKERS": "1", "ENGINE": "openvino", "DRAIN_DELAY": str(DRAIN_DELAY)}
    replicas = {
        name: ServerProcess(log=folder / f"{name}.log", settings=settings)
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
            replica.wait_until_ready()
        balancer.wait_until_ready()
        yield Fleet(replicas, balancer)


# Starts a balancer in front of upstreams, with environment variables or another `config`, and waits for it.
Balance = Callable[..., ServerProcess]


@pytest.fixture
def balance(haproxy: str, tmp_path: Path) -> Iterator[Balance]:
    """Balancers in front of upstreams that the test made; with no upstream there is no ready replica."""
    with ExitStack() as stack:

        def start(*upstreams: Upstream, config: Path = BALANCER_CONFIG, **settings: str) -> ServerProcess:
            addresses = [upstream.address for upstream in upstreams]
            log, quick = tmp_path / "balancer.log", tmp_path / "quick-checks.cfg"
            deployed = config.read_text(encoding="utf-8")
            assert CHECKS in deployed
            quick.write_text(deployed.replace(CHECKS, QUICK_CHECKS), encoding="utf-8")
            balancer = start_balancer(haproxy, replicas=addresses, log=log, config=quick, **settings)
            stack.callback(balancer.kill)
            if upstreams:
                balancer.wait_until_ready()
            return balancer

        yield start


@pytest.fixture
def changed_config(tmp_path: Path) -> Callable[[str, str], Path]:
    """A copy of the configuration with one line in another way, to meet a limit sooner."""

    def change(old: str, new: str) -> Path:
        text = BALANCER_CONFIG.read_text(encoding="utf-8")
        assert text.count(old) == 1, old
        config = tmp_path / BALANCER_CONFIG.name
        config.write_text(text.replace(old, new), encoding="utf-8")
        shutil.copytree(BALANCER_CONFIG.parent / "errors", tmp_path / "errors")
        return config

    return change


@pytest.fixture
def quick_config(changed_config: Callable[[str, str], Path]) -> Path:
    """The configuration with a second instead of 15 for a request to arrive."""
    return changed_config("timeout http-request 15s", "timeout http-request 1s")


@pytest.fixture(scope="session")
def answers_unread(haproxy: str) -> bool:
    """Whether this HAProxy can answer what it cannot parse with our documents: since 3.2.4."""
    text = subprocess.run([haproxy, "-v"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"HAProxy version (\d+)\.(\d+)[.-](?:dev)?(\d+)", text)
    assert version, text
    return tuple(map(int, version.groups())) >= (3, 2, 4)
