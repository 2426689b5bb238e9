"""Real servers with all protocols, alone and as they are deployed, and what each client saw of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.contract import Artifact
from qa.harness.balancer import find_haproxy, start_balancer
from qa.harness.http_client import HOST
from qa.harness.server import ServerProcess, free_port, running_server
from tests.protocols.clients import Observations, observe, skip_without_clients, target_of
from tests.protocols.scripts.observe import Target

# `make protocols` also runs the tests with two workers and behind the balancer, and the folder `whole`.
IS_WHOLE = os.environ.get("PROTOCOL_TESTS") == "all"
collect_ignore = [] if IS_WHOLE else ["whole"]


@dataclass(frozen=True, slots=True)
class Served:
    """A server, or a balancer before two, and what clients saw of it, by script."""

    target: Target
    replicas: int = 1
    seen: dict[str, Observations] = field(default_factory=dict)

    def by(self, script: str) -> Observations:
        """What a script's client saw; it runs once."""
        if script not in self.seen:
            self.seen[script] = observe(script, self.target)
        return self.seen[script]


@dataclass(frozen=True, slots=True)
class Fleet:
    """A balancer, its port for gRPC, and the replicas behind it."""

    balancer: ServerProcess
    grpc: int
    replicas: tuple[ServerProcess, ...]


@contextmanager
def running_fleet(folder: Path, **settings: str) -> Iterator[Fleet]:
    """Two replicas with all protocols behind HAProxy with the deployed configuration.

    Args:
        folder: for logs.
        settings: of the replicas.
    """
    program = find_haproxy()
    if program is None:
        pytest.skip("HAProxy is not installed: apt-get install haproxy")
    ports, grpc = (free_port(), free_port()), free_port()
    with ExitStack() as stack:
        replicas = []
        for number, port in enumerate(ports, 1):
            own = {"GRPC_PORT": str(port), "DRAIN_DELAY": "2", **settings}
            replicas.append(ServerProcess(log=folder / f"replica-{number}.log", settings=own))
            stack.callback(replicas[-1].kill)
            replicas[-1].start()
        addresses = {"GRPC_REPLICA_GPU": f"{HOST}:{free_port()}"}
        addresses |= {f"GRPC_REPLICA_{number}": f"{HOST}:{port}" for number, port in enumerate(ports, 1)}
        balancer = start_balancer(
            program,
            replicas=[replica.address for replica in replicas],
            log=folder / "balancer.log",
            GRPC_PORT=str(grpc),
            **addresses,  # type: ignore[arg-type]
        )
        stack.callback(balancer.kill)
        for process in (*replicas, balancer):
            process.wait_until_ready()
        yield Fleet(balancer, grpc, tuple(replicas))


@pytest.fixture(scope="session", params=["alone", "workers", "balancer"] if IS_WHOLE else ["alone"])
def served(
    request: pytest.FixtureRequest, artifact: Artifact, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server with default settings and gRPC; with two workers; two of these behind the balancer."""
    skip_without_clients()
    if request.param == "balancer":
        with running_fleet(tmp_path_factory.mktemp("fleet"), WORKERS="2", PIN_WORKERS="false") as fleet:
            yield Served(target_of(fleet.balancer, artifact, grpc=fleet.grpc), len(fleet.replicas))
        return
    port, workers = free_port(), "2" if request.param == "workers" else "1"
    with running_server(GRPC_PORT=str(port), WORKERS=workers) as server:
        yield Served(target_of(server, artifact, grpc=port))


# What a client saw of a server with other settings: script, scenarios, settings.
Ask = Callable[..., Observations]


@pytest.fixture
def ask(artifact: Artifact) -> Ask:
    """Start a server, run some scenarios of a script, and stop it."""

    def run(
        script: str, *only: str, target: dict[str, object] | None = None, **settings: str
    ) -> Observations:
        skip_without_clients()
        port = free_port()
        with running_server(**{"GRPC_PORT": str(port), **settings}) as server:  # type: ignore[arg-type]
            return observe(script, target_of(server, artifact, grpc=port, only=only, **(target or {})))

    return run
