"""`app.http.connection`: requests sent before the last one was answered wait unread, and take turns."""

from __future__ import annotations

import asyncio

import pytest

from app.contract import Artifact
from app.http.head import HEAD_BYTES
from qa.harness.messages import as_json, get, head, post, read_whole_answers
from tests.app.conftest import series
from tests.app.http.played import A_REQUEST, Connection, asking, is_for, play, serving, until
from tests.support.fakes import FakeEngine

MANY = 3000
ONWARDS = "/predict?abstain=false"


def unread(connection: Connection) -> int:
    """How many bytes the server has of a connection that its parser was not given."""
    return connection.protocol._input.unread


@pytest.mark.parametrize("target", ["/predict", ONWARDS])
def test_bytes_after_a_waiting_request_are_not_parsed(plain_artifact: Artifact, target: str) -> None:
    """Otherwise thousands of pipelined requests would be parsed at once and kept."""
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


def test_pipelined_requests_take_turns_with_other_connections(plain_artifact: Artifact) -> None:
    """Of thousands on one connection, few are served before a single one on another."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            greedy, other = played.connect(), played.connect()
            greedy.send(get("/livez") * 300)
            assert unread(greedy) == 299 * len(get("/livez"))
            assert not greedy.reading
            assert is_for(await other.ask(asking(1.0)), 1.0)
            assert len(read_whole_answers(greedy.written)) < 100
            while unread(greedy):
                assert not greedy.reading  # or what comes would pile up
                await asyncio.sleep(0)
            assert [answer.status for answer in await greedy.answers(300)] == [200] * 300

    play(scenario())


def test_pipelined_refusals_take_turns(plain_artifact: Artifact) -> None:
    """One per iteration of the loop, without recursion."""
    refused = post(b"", [("Content-Type", "text/xml")])

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            connection.send(refused * 300)
            assert len(read_whole_answers(connection.written)) == 1
            assert [answer.status for answer in await connection.answers(300)] == [415] * 300

    play(scenario())


def test_bytes_received_during_a_request_are_read_after_its_response(plain_artifact: Artifact) -> None:
    """In order and completely, also if the pieces end within a head or a body."""

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


@pytest.mark.parametrize(
    "data", [b"\r\n" * 100_000, b"1\r\n \r\n" * 30_000], ids=["in a chunk", "tiny chunks"]
)
def test_a_body_in_chunks_is_read_in_turns(plain_artifact: Artifact, data: bytes) -> None:
    """Each line break may be the end of the message, and each chunk is a call of the parser."""
    begin = head("POST", "/predict", [("Transfer-Encoding", "chunked")])
    if data.startswith(b"\r"):
        data = b"%x\r\n%b\r\n" % (len(data), data)

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), max_body_bytes=1_000_000) as played:
            greedy, other = played.connect(), played.connect()
            greedy.send(begin + data + b"0\r\n\r\n" + get("/livez"))
            assert unread(greedy) > len(data) / 2
            assert is_for(await other.ask(asking(1.0)), 1.0)
            assert [answer.status for answer in await greedy.answers(2)] == [400, 200]

    play(scenario())


@pytest.mark.parametrize("beyond", [-1, 0, 1, 2, 3, 4])
def test_a_body_in_chunks_ends_where_it_ends(plain_artifact: Artifact, beyond: int) -> None:
    """Also where the end of a piece cuts its last bytes: what is behind it waits, and is read."""
    begin, end = head("POST", "/predict", [("Transfer-Encoding", "chunked")]), b"\r\n0\r\n\r\n"
    size = HEAD_BYTES + beyond - len(b"ffff\r\n" + end)  # a piece is of HEAD_BYTES at most
    data = as_json(series(1.0)).ljust(size)
    sent = begin + b"%04x\r\n" % size + data + end + post(b"", [("Content-Type", "text/xml")])

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            played.engine.hold()
            connection = played.connect()
            connection.send(sent)
            await until(played.engine.entered.is_set)
            await connection.settle()
            assert connection.written == b""
            played.engine.release()
            assert [answer.status for answer in await connection.answers(2)] == [200, 415]

    play(scenario())


def test_blank_lines_before_a_head_are_one_piece(plain_artifact: Artifact) -> None:
    """They are skipped at once, however many, up to the size of a head."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            connection.send(b"\r\n" * 30_000)
            assert unread(connection) == 0
            assert (await connection.ask(get("/livez"))).status == 200
            connection.send(b"\r\n" * 40_000)
            assert [answer.status for answer in await connection.answers(1)] == [431]

    play(scenario())
