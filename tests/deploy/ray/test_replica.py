"""The class of the deployment, without Ray."""

from __future__ import annotations

import asyncio

import pytest

from app.contract import Artifact
from app.inference.status import State
from deploy.ray.replica import GrpcNotServed, Replica, ReplicaUnhealthy, replica_settings


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, artifact: Artifact) -> None:
    monkeypatch.setenv("ARTIFACT", str(artifact.folder))
    monkeypatch.setattr("app.telemetry.logs.configure", lambda **_: None)  # pytest's own stay


def test_the_first_health_check_waits_for_the_golden_answers() -> None:
    """A replica is healthy once its app can serve, and until then the check does not return."""

    async def run() -> tuple[State, State]:
        replica = Replica()
        app = replica.__serve_build_asgi_app__()
        before = app.state.versions.status().state
        async with app.router.lifespan_context(app):
            await replica.check_health()
            return before, app.state.versions.status().state

    assert asyncio.run(run()) == (State.STARTING, State.READY)


def test_a_start_that_failed_is_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check raises the reason, so that Ray Serve does not count the replica as started."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no such golden answer")

    monkeypatch.setattr("app.main.load_engine", fail)

    async def run() -> None:
        replica = Replica()
        app = replica.__serve_build_asgi_app__()
        async with app.router.lifespan_context(app):
            await replica.check_health()

    with pytest.raises(ReplicaUnhealthy, match="no such golden answer"):
        asyncio.run(run())


def test_a_replica_that_drains_is_healthy() -> None:
    """Ray Serve stops it itself, after its last request; to replace it would lose these."""

    async def run() -> bool:
        replica = Replica()
        app = replica.__serve_build_asgi_app__()
        async with app.router.lifespan_context(app):
            await replica.check_health()
            app.state.versions.drain()
            await replica.check_health()
            return bool(app.state.versions.status().ready)

    assert not asyncio.run(run())


def test_a_replica_is_one_process_whatever_workers_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray makes the processes; WORKERS would only lower the number of threads."""
    monkeypatch.setenv("WORKERS", "auto")
    assert replica_settings().workers == 1


def test_grpc_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an error, clients would wait at a port that nothing listens on."""
    monkeypatch.setenv("GRPC_PORT", "8001")
    with pytest.raises(GrpcNotServed, match="unset GRPC_PORT"):
        replica_settings()
