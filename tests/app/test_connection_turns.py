"""`app.connection`: requests that are sent before the last one was answered wait unread, and take turns."""

from __future__ import annotations

import pytest

from app.contract import Artifact
from tests.app.routes.played import A_REQUEST, Connection, asking, is_for, play, serving, until
from tests.app.routes.wire import get, post, read_whole_answers
from tests.fakes import FakeEngine

MANY = 3000
ONWARDS = "/predict?abstain=false"


def unread(connection: Connection) -> int:
    """How many bytes the server has of a connection that its parser was not given."""
    protocol = connection.protocol
    return len(protocol._data) - protocol._at


@pytest.mark.parametrize("target", ["/predict", ONWARDS])
def test_what_is_behind_a_request_that_waits_is_not_parsed(plain_artifact: Artifact, target: str) -> None:
    """However much it is: thousands of requests would be parsed in one go, and each kept."""
    waiting = get("/livez") * MANY

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            played.engine.hold()
            connection = played.connect()
            connection.send(A_REQUEST.replace(b"/predict", target.encode()) + waiting)
            await until(played.engine.entered.is_set)
            await connection.settle()
            assert unread(connection) == len(waiting)
            assert ("GET", "/livez") not in played.went_on
            played.engine.release()

    play(scenario())


def test_requests_in_one_go_take_turns_with_those_of_others(plain_artifact: Artifact) -> None:
    """Of thousands on one connection a few are answered before the only one of another; none is forgotten."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            greedy, other = played.connect(), played.connect()
            greedy.send(get("/livez") * 300)
            assert unread(greedy) == 299 * len(get("/livez"))
            assert is_for(await other.ask(asking(1.0)), 1.0)
            assert len(read_whole_answers(greedy.written)) < 100
            assert [answer.status for answer in await greedy.answers(300)] == [200] * 300

    play(scenario())


def test_refusals_in_one_go_take_turns_too(plain_artifact: Artifact) -> None:
    """They are answered where they are read, one in a turn of the loop: no call is within that of another."""
    refused = post(b"", [("Content-Type", "text/xml")])

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            connection.send(refused * 300)
            assert len(read_whole_answers(connection.written)) == 1
            assert [answer.status for answer in await connection.answers(300)] == [415] * 300

    play(scenario())


def test_what_comes_while_a_request_waits_is_read_when_that_is_answered(plain_artifact: Artifact) -> None:
    """In order, from its first byte to its last, also if the parts are cut within a head or a body."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            played.engine.hold()
            connection = played.connect()
            behind = asking(2.0) + get("/nowhere") + asking(3.0)
            connection.send(asking(1.0))
            for start in range(0, len(behind), 700):
                connection.send(behind[start : start + 700])
            played.engine.release()
            first, second, third, fourth = await connection.answers(4)
            assert (is_for(first, 1.0), is_for(second, 2.0), third.status, is_for(fourth, 3.0)) == (
                True,
                True,
                404,
                True,
            )

    play(scenario())
