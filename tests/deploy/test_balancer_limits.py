"""The balancer's limits: of connections, and of each caller's requests, which is off unless asked for."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from qa.harness.server import ServerProcess
from tests.deploy.conftest import Balance
from tests.deploy.upstream import Upstream
from tests.deploy.wire import exchange, problem, request
from tests.support import plain_http

LIMIT = 3
# So many in a row are above the limit unless each takes a third of a second.
MANY = 30

Headers = Sequence[tuple[str, str]]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A replica that answers 200 to all."""
    with Upstream() as started:
        yield started


@pytest.fixture
def limited(balance: Balance, upstream: Upstream) -> ServerProcess:
    """A balancer with a limit, of replicas without API keys."""
    return balance(upstream, RATE_LIMIT=str(LIMIT))


@pytest.fixture
def limited_by_key(balance: Balance, upstream: Upstream) -> ServerProcess:
    """A balancer with a limit, of replicas with API keys."""
    return balance(upstream, RATE_LIMIT=str(LIMIT), API_KEYS_FILE="/run/secrets/api-keys")


def _statuses(
    balancer: ServerProcess, headers: Headers = (), *, number: int = MANY, source: str = "127.0.0.1"
) -> Counter[int]:
    answers = (exchange(balancer.port, request(headers), source=source) for _ in range(number))
    return Counter(answer.status for answer in answers if answer)


def test_a_connection_too_many_waits(
    balance: Balance, upstream: Upstream, changed_config: Callable[[str, str], Path]
) -> None:
    """It is served as soon as another ends; nobody is refused."""
    port = balance(upstream, config=changed_config("maxconn 1000", "maxconn 2")).port
    with ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(2)]
        waiting = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        for connection in (*idle, waiting):
            connection.sendall(request())
        for connection in idle:
            assert connection.recv(1024)
        waiting.settimeout(0.5)
        with pytest.raises(TimeoutError):
            waiting.recv(1024)
        assert len(upstream.heads) == 2
        idle[0].close()
        waiting.settimeout(None)
        assert waiting.recv(1024).startswith(b"HTTP/1.1 200 ")


def test_the_limit_holds_in_all_protocols(limited: ServerProcess, upstream: Upstream) -> None:
    """One limit for all of them, in the form that clients of other protocols read; never for probes."""
    sent = request(target="/v2/models/forda/infer")
    answers = [answer for _ in range(MANY) if (answer := exchange(limited.port, sent))]
    counted = Counter(answer.status for answer in answers)
    assert len(upstream.heads) == counted[200] >= LIMIT
    refused = next(answer for answer in answers if answer.status == 429)
    assert json.loads(refused.body).keys() == {"error"}
    assert refused.headers["Retry-After"] == "2"
    probes = (
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/forda/ready",
        "/v2/models/m/versions/3/ready",
        "/v1/models/m",
    )
    for probe in probes:
        answer = exchange(limited.port, request(target=probe))
        assert answer is not None
        assert answer.status == 200, probe
    assert _statuses(limited, number=MANY)[429] > 0


@pytest.mark.parametrize("settings", [{}, {"RATE_LIMIT": "0"}, {"RATE_LIMIT": ""}], ids=str)
def test_without_a_limit_there_is_none(
    balance: Balance, upstream: Upstream, settings: Mapping[str, str]
) -> None:
    """Neither by default, nor with 0 or an empty variable."""
    assert _statuses(balance(upstream, **settings)) == {200: MANY}


def test_a_client_above_the_limit_gets_a_problem_document_and_reaches_no_replica(
    limited: ServerProcess, upstream: Upstream
) -> None:
    """429 as the replicas word it, before the body has come."""
    counted = _statuses(limited)
    assert counted[429]
    # More where this took longer than a second.
    assert len(upstream.heads) == counted[200] >= LIMIT
    announced = request([("X-Request-Id", "mine")], body=b"x" * 1_000_000)[:-999_999]
    answer = exchange(limited.port, announced)
    document = problem(answer, status=429)
    assert document["type"] == "/problems/rate-limit"
    assert document["request_id"] == "mine"
    assert f"more than {LIMIT} requests per second" in document["detail"]


def test_a_client_can_read_the_refusal_of_a_large_body(limited: ServerProcess) -> None:
    """It may send all of it first."""
    assert _statuses(limited)[429]
    response = plain_http.post(f"{limited.url}/predict", content=b"x" * 3_000_000, trust_env=False)
    assert response.status_code == 429


def test_a_client_that_waits_for_retry_after_is_served(limited: ServerProcess) -> None:
    """Retry-After is enough, and refusals in between do not count."""
    assert _statuses(limited)[429]
    answer = exchange(limited.port, request())
    assert answer is not None
    assert answer.status == 429
    time.sleep(float(answer.headers["Retry-After"]))
    assert _statuses(limited, number=1) == {200: 1}


@pytest.mark.parametrize("target", ["/livez", "/readyz", "/startupz"])
def test_probes_have_no_limit(limited: ServerProcess, target: str) -> None:
    """An orchestrator restarts nothing because a caller that shares its address is above the limit."""
    assert _statuses(limited)[429]
    answer = exchange(limited.port, request(target=target))
    assert answer is not None
    assert answer.status == 200


def test_another_address_is_not_affected(limited: ServerProcess) -> None:
    """Without API keys a caller is an address."""
    assert _statuses(limited)[429]
    assert _statuses(limited, number=1, source="127.0.0.2") == {200: 1}


def test_headers_that_are_not_checked_make_no_other_client(limited: ServerProcess) -> None:
    """Without API keys, new ones do not lead round the limit; nor does an address that is only claimed."""
    assert _statuses(limited)[429]
    for name in ("X-API-Key", "Authorization", "X-Forwarded-For", "Forwarded"):
        assert _statuses(limited, [(name, "Bearer another")], number=5)[429]


def test_another_key_is_not_affected(limited_by_key: ServerProcess) -> None:
    """With API keys a caller is a key, whatever its address."""
    assert _statuses(limited_by_key, [("X-API-Key", "one")])[429]
    assert _statuses(limited_by_key, [("X-API-Key", "two")], number=1) == {200: 1}
    assert _statuses(limited_by_key, [("Authorization", "Bearer three")], number=1) == {200: 1}
    assert _statuses(limited_by_key, number=1) == {200: 1}


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer one")],
        [("Authorization", "bEARER one")],
        [("Authorization", "Bearer   one  ")],
        [("X-API-Key", "one\t")],
        [("X-API-Key", "one\xa0")],
        [("X-API-Key", "one"), ("X-API-Key", "other")],
        [("X-API-Key", "one"), ("Authorization", "Bearer other")],
    ],
    ids=str,
)
def test_a_key_in_another_header_is_the_same_client(limited_by_key: ServerProcess, headers: Headers) -> None:
    """All that the replicas read as this key."""
    assert _statuses(limited_by_key, [("X-API-Key", "one")])[429]
    assert _statuses(limited_by_key, headers, number=5)[429]
