"""The balancer's configuration, with the real HAProxy and two real replicas that come and go."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np

from app.contract import Artifact
from tests.deploy.conftest import Fleet
from tests.deploy.fleet import start_balancer, unused_address
from tests.deploy.load import Load, to_json

SOME = 50


def test_a_killed_replica_costs_no_request(fleet: Fleet, artifact: Artifact) -> None:
    """Kill -9 under load: every request is answered, rightly, and a new replica gets traffic again."""
    with Load(fleet.balancer.url, artifact) as load:
        # The other one first: the balancer must know it before this one may go.
        load.wait_for_answers(SOME, of="replica-2")
        load.wait_for_answers(SOME, of="replica-1")
        fleet.replicas["replica-1"].kill()
        load.wait_for_answers(SOME, of="replica-2")
        fleet.replicas["replica-1"].start()
        load.wait_for_answers(SOME, of="replica-1")
    assert load.failures == []


def test_a_replica_restarted_in_its_turn_costs_no_request(fleet: Fleet, artifact: Artifact) -> None:
    """SIGTERM under load: it ends with 0, every request is answered, and the new one gets traffic again."""
    with Load(fleet.balancer.url, artifact) as load:
        load.wait_for_answers(SOME, of="replica-1")
        load.wait_for_answers(SOME, of="replica-2")
        assert fleet.replicas["replica-2"].process.terminate() == 0
        load.wait_for_answers(SOME, of="replica-1")
        fleet.replicas["replica-2"].start()
        load.wait_for_answers(SOME, of="replica-2")
    assert load.failures == []


def test_a_request_too_large_to_be_held_is_passed_on(fleet: Fleet, artifact: Artifact) -> None:
    """A body that fits no buffer of the balancer is answered as well, to the last series."""
    body = to_json(np.resize(artifact.golden.series, (256, artifact.contract.input.length)))
    with httpx.Client(base_url=fleet.balancer.url, timeout=30, trust_env=False) as client:
        response = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200, response.text
    assert len(response.json()["predictions"]) == 256


def test_request_ids_pass_through_and_are_made_where_there_is_none(fleet: Fleet) -> None:
    """A sane X-Request-Id comes back as it was sent; for a missing or unsafe one, there is a new one."""
    with httpx.Client(base_url=fleet.balancer.url, timeout=30, trust_env=False) as client:
        given = client.get("/readyz", headers={"X-Request-Id": "order-66:a/b"}).headers["X-Request-Id"]
        missing = client.get("/readyz").headers["X-Request-Id"]
        unsafe = client.get("/readyz", headers={"X-Request-Id": 'a"b'}).headers["X-Request-Id"]
    assert given == "order-66:a/b"
    assert len(missing) == len(unsafe) == 36


def test_without_a_ready_replica_the_answer_is_a_problem_document(haproxy: str, tmp_path: Path) -> None:
    """No replica: 503 at once, as the problem document that a replica would send, with Retry-After."""
    replicas = [unused_address(), unused_address()]
    balancer = start_balancer(haproxy, replicas=replicas, log=tmp_path / "balancer.log")
    try:
        transport = httpx.HTTPTransport(retries=8)  # until it listens
        with httpx.Client(transport=transport, timeout=30, trust_env=False) as client:
            response = client.post(f"{balancer.url}/predict", headers={"X-Request-Id": "mine"}, content=b"{}")
    finally:
        balancer.kill()
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] == "1"
    assert response.headers["X-Request-Id"] == "mine"
    assert response.json() == {
        "type": "/problems/not-ready",
        "title": "Not ready",
        "status": 503,
        "detail": "no replica is ready; try again after Retry-After seconds",
        "request_id": "mine",
    }
