"""Every way to misbehave, over real connections, becomes the one outcome that it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from qa.chaos.client import Client
from qa.chaos.judge import Outcome
from qa.chaos.ledger import Entry, Ledger
from qa.chaos.questions import Book, Question
from qa.harness.server import free_port
from tests.qa.chaos.misbehaving import PROBLEM, Behaviour, Reply, http, misbehaving, predictions, problem

SECONDS = 0.2  # for an answer; those that come at all come at once


def ask(book: Book, question: Question, behaviour: Behaviour, *, seconds: float = 20) -> Entry:
    """Ask a server once."""

    async def scenario() -> Entry:
        ledger = Ledger()
        async with misbehaving(behaviour) as port:
            connection = await Client(port, book, ledger, seconds=seconds).ask(question)
            if connection:
                connection.close()
        assert ledger.tally().sent == 1
        return ledger.entries[0]

    return asyncio.run(scenario())


def replies(book: Book, question: Question) -> dict[str, Callable[[str], Reply | None]]:
    """Replies to a question, by what is wrong with them."""
    right = predictions(book, question.expected)
    return {
        "right": lambda me: Reply(http(200, me, right)),
        "refused": lambda me: Reply(http(503, me, problem(503, me), PROBLEM)),
        "refused without a document": lambda me: Reply(http(503, me, b"busy", "text/plain")),
        "engine failed": lambda me: Reply(http(500, me, problem(500, me), PROBLEM)),
        "broken off by the balancer": lambda me: Reply(http(502, me, problem(502, me), PROBLEM)),
        "not for this request": lambda _: Reply(http(200, "another", right)),
        "for no request": lambda me: Reply(http(200, me, right).replace(b"X-Request-Id", b"X-Id")),
        "another's answer": lambda me: Reply(http(200, me, predictions(book, 1 - question.expected))),
        "an answer too few": lambda me: Reply(http(200, me, predictions(book, question.expected[1:]))),
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
def test_an_answer_becomes_its_outcome(book: Book, name: str, outcome: Outcome) -> None:
    """Right, refused, failed, lost and wrong are told apart, whatever the server does."""
    question = book.json(2, seed=1)
    reply = replies(book, question)[name]
    seconds = SECONDS if "silence" in name else 20
    entry = ask(book, question, lambda _number, me, _body: reply(me), seconds=seconds)
    assert entry.outcome is outcome, entry.verdict


def test_a_port_that_nobody_listens_on_loses_the_request(book: Book) -> None:
    """A refused connection is a lost request, and there is no connection to go on with."""

    async def scenario() -> None:
        ledger = Ledger()
        assert await Client(free_port(), book, ledger).ask(book.json(1)) is None
        assert ledger.tally().lost == 1

    asyncio.run(scenario())


def test_a_connection_that_failed_is_not_used_again(book: Book) -> None:
    """After a broken answer the next question goes over a new connection, and is answered rightly."""
    question = book.npy(2)

    def behaviour(number: int, me: str, _: bytes) -> Reply:
        whole = http(200, me, predictions(book, question.expected))
        return Reply(whole[:-1] if number == 0 else whole)

    async def scenario() -> None:
        ledger = Ledger()
        async with misbehaving(behaviour) as port:
            client = Client(port, book, ledger, seconds=SECONDS)
            first = await client.ask(question)
            client = Client(port, book, ledger)
            second = await client.ask(question, first)
            assert second is not None
            assert second is not first
            assert await client.ask(question, second) is second
            second.close()
        assert [entry.outcome for entry in ledger.entries] == [
            Outcome.FAILED, Outcome.ANSWERED, Outcome.ANSWERED,
        ]  # fmt: skip

    asyncio.run(scenario())


def test_an_error_that_was_asked_for_is_a_right_answer(book: Book) -> None:
    """A question that deserves a 422 is answered by one with its document, and by nothing else."""
    question = Question("bad", b"{}", "application/json", book.answers[:0], status=422)
    answered = ask(book, question, lambda _n, me, _b: Reply(http(422, me, problem(422, me), PROBLEM)))
    bare = ask(book, question, lambda _n, me, _b: Reply(http(422, me, b"{}")))
    other = ask(book, question, lambda _n, me, _b: Reply(http(400, me, problem(400, me), PROBLEM)))
    foreign = ask(book, question, lambda _n, me, _b: Reply(http(422, me, problem(422, "x"), PROBLEM)))
    welcome = ask(book, question, lambda _n, me, _b: Reply(http(200, me, b"{}")))
    outcomes = [entry.outcome for entry in (answered, bare, other, foreign, welcome)]
    assert outcomes == [
        Outcome.ANSWERED, Outcome.FAILED, Outcome.FAILED, Outcome.WRONG, Outcome.FAILED,
    ]  # fmt: skip
