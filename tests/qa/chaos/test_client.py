"""Every way to misbehave, over real connections, becomes the one outcome that it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from qa.chaos.client import Client
from qa.chaos.oracle import Outcome
from qa.chaos.request_log import Entry, RequestLog
from qa.chaos.workload import Request, Workload
from qa.harness.server import free_port
from tests.qa.chaos.misbehaving import PROBLEM, Behaviour, Reply, http, misbehaving, predictions, problem

SECONDS = 0.2  # for an answer; those that come at all come at once


def ask(workload: Workload, request: Request, behaviour: Behaviour, *, seconds: float = 20) -> Entry:
    """Ask a server once."""

    async def scenario() -> Entry:
        request_log = RequestLog()
        async with misbehaving(behaviour) as port:
            connection = await Client(port, workload, request_log, seconds=seconds).request(request)
            if connection:
                connection.close()
        assert request_log.tally().sent == 1
        return request_log.entries[0]

    return asyncio.run(scenario())


def replies(workload: Workload, request: Request) -> dict[str, Callable[[str], Reply | None]]:
    """Replies to a request, by what is wrong with them."""
    right = predictions(workload, request.expected)
    return {
        "right": lambda me: Reply(http(200, me, right)),
        "refused": lambda me: Reply(http(503, me, problem(503, me), PROBLEM)),
        "refused without a document": lambda me: Reply(http(503, me, b"busy", "text/plain")),
        "engine failed": lambda me: Reply(http(500, me, problem(500, me), PROBLEM)),
        "broken off by the balancer": lambda me: Reply(http(502, me, problem(502, me), PROBLEM)),
        "not for this request": lambda _: Reply(http(200, "another", right)),
        "for no request": lambda me: Reply(http(200, me, right).replace(b"X-Request-Id", b"X-Id")),
        "another's answer": lambda me: Reply(http(200, me, predictions(workload, 1 - request.expected))),
        "an answer too few": lambda me: Reply(http(200, me, predictions(workload, request.expected[1:]))),
        "no document": lambda me: Reply(http(200, me, b'{"predictions": [')),
        "half an answer": lambda me: Reply(http(200, me, right)[:-20], closes=True),
        "half a head": lambda me: Reply(http(200, me, right)[:30], closes=True),
        "half an answer, then silence": lambda me: Reply(http(200, me, right)[:-20]),
        "two answers": lambda me: Reply(2 * http(200, me, right)),
        "no HTTP": lambda _: Reply(b"what?\r\n\r\n"),
        "cut": lambda _: Reply(b"", closes=True),
        "silence": lambda _: None,
    }


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("right", Outcome.ANSWERED),
        ("refused", Outcome.REFUSED),
        ("refused without a document", Outcome.FAILED),
        ("engine failed", Outcome.FAILED),
        ("broken off by the balancer", Outcome.FAILED),
        ("not for this request", Outcome.WRONG),
        ("for no request", Outcome.FAILED),
        ("another's answer", Outcome.WRONG),
        ("an answer too few", Outcome.WRONG),
        ("no document", Outcome.FAILED),
        ("half an answer", Outcome.FAILED),
        ("half a head", Outcome.FAILED),
        ("half an answer, then silence", Outcome.FAILED),
        ("two answers", Outcome.FAILED),
        ("no HTTP", Outcome.FAILED),
        ("cut", Outcome.LOST),
        ("silence", Outcome.LOST),
    ],
)
def test_an_answer_becomes_its_outcome(workload: Workload, name: str, outcome: Outcome) -> None:
    """Right, refused, failed, lost and wrong are told apart, whatever the server does."""
    request = workload.json(2, seed=1)
    reply = replies(workload, request)[name]
    seconds = SECONDS if "silence" in name else 20
    entry = ask(workload, request, lambda _number, me, _body: reply(me), seconds=seconds)
    assert entry.outcome is outcome, entry.verdict


def test_a_port_without_a_listener_loses_the_request(workload: Workload) -> None:
    """A refused connection is a lost request, and there is no connection to go on with."""

    async def scenario() -> None:
        request_log = RequestLog()
        assert await Client(free_port(), workload, request_log).request(workload.json(1)) is None
        assert request_log.tally().lost == 1

    asyncio.run(scenario())


def test_a_connection_that_failed_is_not_used_again(workload: Workload) -> None:
    """After a broken answer the next request goes over a new connection, and is answered rightly."""
    request = workload.npy(2)

    def behaviour(number: int, me: str, _: bytes) -> Reply:
        whole = http(200, me, predictions(workload, request.expected))
        return Reply(whole[:-1] if number == 0 else whole)

    async def scenario() -> None:
        request_log = RequestLog()
        async with misbehaving(behaviour) as port:
            client = Client(port, workload, request_log, seconds=SECONDS)
            first = await client.request(request)
            client = Client(port, workload, request_log)
            second = await client.request(request, first)
            assert second is not None
            assert second is not first
            assert await client.request(request, second) is second
            second.close()
        assert [entry.outcome for entry in request_log.entries] == [
            Outcome.FAILED, Outcome.ANSWERED, Outcome.ANSWERED,
        ]  # fmt: skip

    asyncio.run(scenario())


def test_an_expected_error_is_a_right_response(workload: Workload) -> None:
    """A request that deserves a 422 is answered by one with its document, and by nothing else."""
    request = Request("bad", b"{}", "application/json", workload.answers[:0], status=422)
    answered = ask(workload, request, lambda _n, me, _b: Reply(http(422, me, problem(422, me), PROBLEM)))
    bare = ask(workload, request, lambda _n, me, _b: Reply(http(422, me, b"{}")))
    other = ask(workload, request, lambda _n, me, _b: Reply(http(400, me, problem(400, me), PROBLEM)))
    foreign = ask(workload, request, lambda _n, me, _b: Reply(http(422, me, problem(422, "x"), PROBLEM)))
    welcome = ask(workload, request, lambda _n, me, _b: Reply(http(200, me, b"{}")))
    outcomes = [entry.outcome for entry in (answered, bare, other, foreign, welcome)]
    assert outcomes == [
        Outcome.ANSWERED, Outcome.FAILED, Outcome.FAILED, Outcome.WRONG, Outcome.FAILED,
    ]  # fmt: skip
