"""Requests whose head came before: answered as the first one was, without the parser."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.contract import Artifact
from app.routes.heads import LONGEST
from tests.app.routes.conftest import MAX_ROWS
from tests.app.routes.played import Connection, Played, asking, is_for, play, serving, until
from tests.app.routes.wire import get, post, told
from tests.fakes import FakeEngine


class NoParser:
    """In the parser's place: what is fed to it fails the test."""

    def feed_data(self, data: bytes) -> None:
        """Nothing is to be parsed."""
        raise AssertionError(f"parsed: {data[:100]!r}")


async def warm(played: Played, *requests: bytes) -> Connection:
    """A connection without a parser to a server that knows the heads of these requests."""
    for request in requests:
        await played.connect().ask(request)
    connection = played.connect()
    connection.protocol.parser = NoParser()  # type: ignore[assignment]
    return connection


def test_a_known_head_needs_no_parser(plain_artifact: Artifact) -> None:
    """On whatever connection it was known from; the bodies are their own."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = await warm(played, asking(1.0))
            assert is_for(await connection.ask(asking(2.0)), 2.0)
            assert is_for(await connection.ask(asking(3.0)), 3.0)
            assert played.went_on == []
            assert await played.count(200) == 3

    play(scenario())


def test_what_is_wrong_with_the_body_is_told_alike(plain_artifact: Artifact) -> None:
    """And the connection goes on."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            wrong = post(b"{")
            first = await played.connect().ask(wrong)
            connection = await warm(played, wrong, asking(1.0))
            assert told(await connection.ask(wrong)) == told(first)
            assert is_for(await connection.ask(asking(2.0)), 2.0)

    play(scenario())


def test_a_known_head_says_whether_the_connection_ends(plain_artifact: Artifact) -> None:
    """As the caller asked, or because the server is draining."""
    last = post(b"{}", [("Connection", "close")])

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = await warm(played, last, asking(1.0))
            assert (await connection.ask(last)).headers["connection"] == "close"
            assert connection.closed
            connection = await warm(played)
            played.service.drain()
            answer = await connection.ask(asking(2.0))
            assert is_for(answer, 2.0)
            assert answer.headers["connection"] == "close"
            assert connection.closed

    play(scenario())


def test_a_full_queue_refuses_known_heads(plain_artifact: Artifact) -> None:
    """At once, without a look at the body."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            late = await warm(played, asking(1.0))
            await played.held()
            played.connect().send(asking(*[2.0] * MAX_ROWS))
            assert [(await late.ask(asking(3.0))).status for _ in range(3)] == [429] * 3
            assert played.seen.of("refused") == [{"rows": 1, "reason": "full"}] * 3

    play(scenario())


def test_a_caller_that_leaves_is_withdrawn(plain_artifact: Artifact) -> None:
    """Nothing is computed for it."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = await warm(played, asking(1.0))
            await played.held()
            connection.send(asking(2.0))
            await played.queued(1)
            connection.hang_up()
            await until(lambda: played.seen.of("left") == [{"rows": 1, "reason": "cancelled"}])

    play(scenario())


def test_however_they_come_all_get_their_own_answer_in_order(plain_artifact: Artifact) -> None:
    """Whole, in pieces, several at once, among others: as on a server that has seen none of the heads."""
    chance = np.random.default_rng(20261128)
    values = [float(value) for value in range(150)]
    requests = [asking(value) if value % 7 else get("/livez") for value in values]

    async def scenario(cuts: list[int]) -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            await played.connect().ask(asking(0.5))
            stream, connection = b"".join(requests), played.connect()
            pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
            for piece in pieces:
                connection.send(piece)
                if chance.random() < 0.5:
                    await until(lambda: connection.protocol.cycle is None or _is_done(connection))
            answers = await connection.answers(len(requests))
            for value, answer in zip(values, answers, strict=True):
                assert is_for(answer, value) if value % 7 else answer.status == 200

    ends = [sum(map(len, requests[:number])) for number in range(1, len(requests))]
    play(scenario(ends))
    total = sum(map(len, requests))
    play(scenario(sorted({*chance.choice(ends, 60).tolist(), *chance.integers(1, total, 60).tolist()})))


def _is_done(connection: Connection) -> bool:
    cycle: Any = connection.protocol.cycle
    return bool(cycle.response_complete) or connection.protocol._in_body or connection.protocol._in_head


def test_the_requests_of_these_tests_are_short_enough_to_be_kept() -> None:
    """Otherwise they would all be parsed, and these tests would test nothing."""
    assert asking(1.0).index(b"\r\n\r\n") + 4 <= LONGEST
