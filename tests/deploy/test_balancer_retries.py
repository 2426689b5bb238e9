"""What the balancer sends to another replica, and how often: counted where it arrives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from app.settings import Settings
from tests.deploy.conftest import Balance
from tests.deploy.upstream import CUT, HANG, Upstream
from tests.deploy.wire import exchange, request

LIMIT = Settings.model_fields["request_timeout"].default


# Where the protocols beside the server's own predict.
OTHERS = pytest.mark.parametrize(
    "target", ["/v1/models/forda:predict", "/v2/models/forda/infer", "/v2/models/forda/versions/3/infer"]
)


def _received(
    balance: Balance, *behaviours: int | str, sent: bytes = request()
) -> tuple[list[int], int | None]:
    """How many requests each replica got for one of a client, and the status that the client got, if any."""
    with ExitStack() as stack:
        upstreams = [stack.enter_context(Upstream(behaviour)) for behaviour in behaviours]
        answer = exchange(balance(*upstreams, TRY_TIMEOUT="0" if HANG in behaviours else "4").port, sent)
        return sorted(len(upstream.heads) for upstream in upstreams), answer.status if answer else None


@pytest.mark.parametrize(("behaviour", "status"), [(503, 503), (CUT, 502), (HANG, 504)])
def test_a_request_is_sent_twice_at_most(balance: Balance, behaviour: int | str, status: int) -> None:
    """Whatever three replicas do: a refusal is not multiplied, and no request can end all of them."""
    assert _received(balance, behaviour, behaviour, behaviour) == ([0, 1, 1], status)


@pytest.mark.parametrize("status", [400, 408, 413, 429, 500, 502, 504])
def test_an_answer_that_another_replica_would_give_too_is_passed_on(balance: Balance, status: int) -> None:
    """Above all 429: where a queue is full, a second request makes it no emptier."""
    assert _received(balance, status, status, status) == ([0, 0, 1], status)


@OTHERS
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503, 504])
def test_overload_is_not_doubled_in_other_protocols(balance: Balance, target: str, status: int) -> None:
    """There a full queue is 503: it reaches the client, and no second replica is asked."""
    sent = request(target=target)
    assert _received(balance, status, status, status, sent=sent) == ([0, 0, 1], status)


@OTHERS
@pytest.mark.parametrize(("behaviour", "status"), [(CUT, 502), (HANG, 504)])
def test_a_lost_request_is_sent_again_in_other_protocols_too(
    balance: Balance, target: str, behaviour: str, status: int
) -> None:
    """Once: its replica was killed, or hangs."""
    sent = request(target=target)
    assert _received(balance, behaviour, behaviour, behaviour, sent=sent) == ([0, 1, 1], status)


@pytest.mark.parametrize("behaviour", [503, CUT, HANG])
def test_a_replica_that_fails_costs_no_request(balance: Balance, behaviour: int | str) -> None:
    """Its requests get the answer of the other."""
    with Upstream(behaviour) as failing, Upstream() as other, ThreadPoolExecutor(4) as clients:
        port = balance(failing, other, TRY_TIMEOUT="1").port
        asked = 0
        while not failing.heads and asked < 200:  # which one is asked first is the balancer's choice
            answers = list(clients.map(lambda _: exchange(port, request()), range(4)))
            assert [answer and answer.status for answer in answers] == [200] * 4
            asked += 4
        assert failing.heads
        assert len(other.heads) == asked


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ["4"]),
        (["60"], ["4"]),
        (["4"], ["4"]),
        (["4.5"], ["4"]),
        (["3.9"], ["3.9"]),
        (["0.25"], ["0.25"]),
        (["+60"], ["+60"]),
        (["1e3"], ["1e3"]),
        (["soon"], ["soon"]),
        (["60", "1"], ["4"]),
    ],
)
def test_two_tries_end_within_the_request_timeout(
    balance: Balance, given: list[str], expected: list[str]
) -> None:
    """No replica computes for longer than the balancer waits; shorter or wrong timeouts stay as they are."""
    with Upstream() as upstream:
        exchange(balance(upstream).port, request([("X-Request-Timeout", value) for value in given]))
        (head,) = upstream.heads
    assert head.get_all("X-Request-Timeout") == expected
    assert LIMIT > 2 * (4 + 0.5)


@pytest.mark.parametrize(("behaviour", "statuses"), [(503, {503}), (CUT, {502, None})])
def test_a_larger_request_is_sent_once(
    balance: Balance, behaviour: int | str, statuses: set[int | None]
) -> None:
    """What fits no buffer is not kept: 502, or no answer where the connection to the replica was not new."""
    counts, status = _received(balance, behaviour, behaviour, sent=request(body=b"x" * 1_100_000))
    assert counts == [0, 1]
    assert status in statuses


def test_a_request_too_large_to_be_sent_again_has_all_of_the_time(balance: Balance) -> None:
    """Its body may take longer to arrive than one try of others."""
    with Upstream() as upstream:
        exchange(balance(upstream, RETRY_BYTES="65536").port, request(body=b"x" * 65_537))
        (head,) = upstream.heads
    assert "X-Request-Timeout" not in head
