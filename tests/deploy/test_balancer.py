"""The balancer's configuration, with the real HAProxy and two real replicas that come and go."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.contract import Artifact
from qa.harness.balancer import start_balancer
from qa.harness.messages import as_json
from tests.deploy.conftest import Fleet
from tests.deploy.load import Load
from tests.deploy.wire import exchange, problem, request
from tests.support import plain_http

SOME = 20


def test_a_killed_replica_costs_no_request(fleet: Fleet, artifact: Artifact) -> None:
    """Kill -9 under load: every request is answered, rightly, and a new replica gets traffic again."""
    with Load(fleet.balancer.port, artifact) as load:
        # The other one first: the balancer must know it before this one may go.
        load.wait_for_responses(SOME, of="replica-2")
        load.wait_for_responses(SOME, of="replica-1")
        fleet.replicas["replica-1"].kill()
        load.wait_for_responses(SOME, of="replica-2")
        fleet.replicas["replica-1"].start()
        load.wait_for_responses(SOME, of="replica-1")
    assert load.failures == []


def test_a_replica_restarted_in_its_turn_costs_no_request(fleet: Fleet, artifact: Artifact) -> None:
    """SIGTERM under load: it ends with 0, every request is answered, and the new one gets traffic again."""
    with Load(fleet.balancer.port, artifact) as load:
        load.wait_for_responses(SOME, of="replica-1")
        load.wait_for_responses(SOME, of="replica-2")
        assert fleet.replicas["replica-2"].stop() == 0
        load.wait_for_responses(SOME, of="replica-1")
        fleet.replicas["replica-2"].start()
        load.wait_for_responses(SOME, of="replica-2")
    assert load.failures == []


def test_a_request_too_large_to_be_held_is_passed_on(fleet: Fleet, artifact: Artifact) -> None:
    """A body that fits no buffer of the balancer is answered as well, to the last series."""
    body = as_json(np.resize(artifact.golden.series, (256, artifact.contract.input.length)))
    with plain_http.client(base_url=fleet.balancer.url, timeout=30, trust_env=False) as client:
        response = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200, response.text
    assert len(response.json()["predictions"]) == 256


@pytest.mark.parametrize(
    ("headers", "target", "status"),
    [
        ([("a", "b")] * 150, "/predict", 431),
        ([], "/" + "a" * 10_000, 414),
        ([("a", "b" * 100_000)], "/predict", 431),
    ],
    ids=["headers", "address", "head"],
)
def test_a_head_beyond_a_replicas_limits_gets_the_replicas_answer(
    fleet: Fleet, headers: list[tuple[str, str]], target: str, status: int
) -> None:
    """The balancer takes more, so the answer is the one that documents the limit."""
    problem(exchange(fleet.balancer.port, request(headers, target=target)), status=status)


def test_request_ids_pass_through_and_are_made_where_there_is_none(fleet: Fleet) -> None:
    """A sane X-Request-Id comes back as it was sent; for a missing or unsafe one, there is a new one."""
    with plain_http.client(base_url=fleet.balancer.url, timeout=30, trust_env=False) as client:
        given = client.get("/readyz", headers={"X-Request-Id": "order-66:a/b"}).headers["X-Request-Id"]
        missing = client.get("/readyz").headers["X-Request-Id"]
        unsafe = client.get("/readyz", headers={"X-Request-Id": 'a"b'}).headers["X-Request-Id"]
    assert given == "order-66:a/b"
    assert len(missing) == len(unsafe) == 36


def test_a_stopped_replica_costs_no_request(fleet: Fleet, artifact: Artifact) -> None:
    """SIGSTOP under load: every request is answered, rightly and within REQUEST_TIMEOUT."""
    victim = fleet.replicas["replica-1"].process
    with Load(fleet.balancer.port, artifact) as load:
        load.wait_for_responses(SOME, of="replica-2")
        load.wait_for_responses(SOME, of="replica-1")
        victim.send_signal(signal.SIGSTOP)
        try:
            # All connections are idle again, or wait for the other: none of them is left with it.
            fleet.balancer.wait_for_log("Server replicas/replica-1 is DOWN, reason: Layer7 timeout")
            load.wait_for_all_connections()
        finally:
            victim.send_signal(signal.SIGCONT)
        load.wait_for_responses(SOME, of="replica-1")
    assert load.failures == []


def is_closed(port: int) -> bool:
    """Whether nobody accepts connections any more."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_replica_that_drains_answers_what_it_has(
    fleet: Fleet, haproxy: str, artifact: Artifact, tmp_path: Path
) -> None:
    """A request that is slow to arrive is answered, though the port has closed and the checks have failed."""
    replica = fleet.replicas["replica-2"]
    body = as_json(np.resize(artifact.golden.series, (256, artifact.contract.input.length)))
    balancer = start_balancer(haproxy, replicas=[replica.address], log=tmp_path / "balancer.log")
    try:
        balancer.wait_until_ready()
        head = request([("Content-Type", "application/json")], body=body).removesuffix(body)

        def parts() -> Iterator[bytes]:
            yield head + body[:-1]
            replica.process.send_signal(signal.SIGTERM)
            balancer.wait_for_log("Server replicas/replica-1 is DOWN")
            replica.wait_until(lambda: is_closed(replica.port), "closed")
            yield body[-1:]

        answer = exchange(balancer.port, parts())
    finally:
        balancer.kill()
        exit_code = replica.wait()
        replica.start()
        replica.wait_until_ready()
    assert exit_code == 0
    assert answer is not None
    assert answer.status == 200, answer.body
    assert len(json.loads(answer.body)["predictions"]) == 256
