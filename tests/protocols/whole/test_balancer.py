"""Clients of other protocols behind the deployed balancer: replicas come and go, and are overloaded."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact
from tests.protocols.clients import HTTP, TRITON, Observations, observe, target_of
from tests.protocols.conftest import Fleet, running_fleet
from tests.protocols.expected import check_answer, check_refusal, status

SECONDS = 20.0


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two replicas behind the balancer."""
    with running_fleet(tmp_path_factory.mktemp("fleet")) as running:
        yield running


def load(
    fleet: Fleet, artifact: Artifact, pool: ThreadPoolExecutor, scripts: tuple[str, ...]
) -> list[Future[Observations]]:
    """Clients that send requests for some seconds, once the first of them has begun."""
    target = target_of(fleet.balancer, artifact, grpc=fleet.grpc, seconds=SECONDS, only=("steadily",))
    clients = [pool.submit(observe, script, target) for script in scripts]
    replica = fleet.replicas[0]
    before = replica.metric("timeseries_predictions_total")
    replica.wait_until(lambda: replica.metric("timeseries_predictions_total") > before + 50, "under load")
    return clients


def check_load(clients: list[Future[Observations]], artifact: Artifact) -> None:
    """No request failed, and each answer was right."""
    for client in clients:
        seen = client.result()["steadily"]
        assert seen["faults"] == {}
        assert set(seen["versions"]) == {str(artifact.contract.version)}


def test_a_replica_that_is_restarted_costs_no_request(fleet: Fleet, artifact: Artifact) -> None:
    """SIGTERM, and a new one: over HTTP and over gRPC."""
    with ThreadPoolExecutor(len(TRITON)) as pool:
        clients = load(fleet, artifact, pool, TRITON)
        assert fleet.replicas[1].stop() == 0
        fleet.replicas[1].start()
        fleet.replicas[1].wait_until_ready()
        check_load(clients, artifact)


def test_a_replica_that_is_killed_costs_no_request_over_rest(fleet: Fleet, artifact: Artifact) -> None:
    """What it had is sent to the other one. Over gRPC the balancer cannot: the client gets UNAVAILABLE."""
    with ThreadPoolExecutor(len(HTTP)) as pool:
        clients = load(fleet, artifact, pool, HTTP)
        fleet.replicas[1].kill()
        fleet.replicas[1].start()
        fleet.replicas[1].wait_until_ready()
        check_load(clients, artifact)


@pytest.mark.parametrize("script", TRITON)
def test_overload_reaches_the_client_and_no_second_replica(
    artifact: Artifact, tmp_path: Path, script: str
) -> None:
    """With the replica's own words; the replicas got each request once."""
    count = 96
    # A batch with room for one more series waits for it: the queue is full meanwhile, on any machine.
    with running_fleet(tmp_path, MAX_QUEUE_ROWS="256", MAX_BATCH_WAIT="0.2") as fleet:
        target = target_of(
            fleet.balancer, artifact, grpc=fleet.grpc, count=count, rows=255, only=("infer at once",)
        )
        answers = observe(script, target)["infer at once"]
        refused = [answer for answer in answers if "raises" in answer]
        assert 0 < len(refused) < len(answers)
        for answer in refused:
            check_refusal(answer, status(script, "503"), "MAX_QUEUE_ROWS=256")
        name = 'http_requests_total{protocol="v2"' if script in HTTP else "grpc_requests_total"
        assert sum(replica.metric(f"timeseries_{name}") for replica in fleet.replicas) == count


def test_a_key_passes_the_balancer(artifact: Artifact, tmp_path: Path) -> None:
    """As a header, and as gRPC's metadata."""
    key, keys = new_key(), tmp_path / "keys"
    keys.write_text(line_of("caller", key))
    with running_fleet(tmp_path, API_KEYS_FILE=str(keys)) as fleet:
        for script in TRITON:
            for headers in ({}, {"authorization": f"Bearer {key}"}):
                target = target_of(
                    fleet.balancer, artifact, grpc=fleet.grpc, headers=headers, only=("infer", "server ready")
                )
                seen = observe(script, target)
                assert seen["server ready"] is True
                if headers:
                    check_answer(seen["infer"], artifact, 2)
                else:
                    check_refusal(seen["infer"], status(script, "401"), "API key")
