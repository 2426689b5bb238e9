"""How a connection ends whose client does not read, or goes on sending: it does, and no answer is lost."""

from __future__ import annotations

import gc
import logging
import weakref

import pytest

from app.contract import Artifact
from app.http.timeouts import HEAD_SECONDS, LINGER_SECONDS, Timeouts
from qa.harness.http_client import HttpClient
from qa.harness.messages import as_json, get, head, post
from tests.app.api.served import served
from tests.app.conftest import series
from tests.app.http.played import A_REQUEST, Connection, play, serving, until
from tests.support.fakes import FakeEngine

GOOD = as_json(series(0.5))
LAST = head("GET", "/livez", [("Connection", "close")])


def hurried(connection: Connection) -> Connection:
    """A connection whose client has little time to read."""
    connection.protocol._timer._timeouts = Timeouts(read=0.05)
    return connection


@pytest.mark.parametrize("end", ["asked for", "by the server", "by the caller"])
def test_a_closed_connection_that_is_not_read_is_cut(plain_artifact: Artifact, end: str) -> None:
    """Else it would stay for ever, and the server could not end."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = hurried(played.connect())
            await connection.ask(get("/livez"))
            connection.unread = 10
            if end == "asked for":
                await connection.ask(LAST)
            elif end == "by the server":
                connection.protocol.shutdown()
            else:
                assert not connection.protocol.eof_received()
            await until(lambda: connection.closing)
            await until(lambda: connection.closed)

    play(scenario())


def test_a_slow_reader_gets_all_of_the_last_response(plain_artifact: Artifact) -> None:
    """While it reads it has its time for that; then the connection ends, whatever is sent on it."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            connection.unread = 10
            connection.protocol.pause_writing()
            connection.unread = 10
            connection.protocol.resume_writing()
            connection.send(LAST + get("/livez"))
            await connection.answers(1)
            assert connection.shut_down
            now = connection.protocol.loop.time()
            assert connection.protocol._timer.deadline > now + LINGER_SECONDS
            connection.unread = 0
            connection.protocol.resume_writing()
            assert connection.protocol._timer.deadline <= now + 2 * LINGER_SECONDS
            await until(lambda: connection.closed)

    play(scenario())


def test_a_head_has_its_timeout_though_the_last_response_was_read_late(plain_artifact: Artifact) -> None:
    """Not that of a connection without a request, which is longer."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), keep_alive_timeout=75) as played:
            connection = played.connect()
            await connection.ask(get("/livez"))
            connection.send(A_REQUEST[:20])
            connection.protocol.pause_writing()
            connection.protocol.resume_writing()
            timer = connection.protocol._timer
            assert timer.deadline <= connection.protocol.loop.time() + HEAD_SECONDS
            assert timer._then == 0

    play(scenario())


def test_nothing_is_written_after_the_end(plain_artifact: Artifact, caplog: pytest.LogCaptureFixture) -> None:
    """Not to a client that wanted to be asked for a body that is broken: the log would have a trace of it."""
    broken = (
        head("POST", "/predict", [("Expect", "100-continue"), ("Transfer-Encoding", "chunked")]) + b"ZZ\r\n"
    )
    with caplog.at_level(logging.WARNING), served(plain_artifact) as app:
        for _ in range(5):
            with HttpClient(app.url) as wire:
                wire.send(broken)
                assert [answer.status for answer in wire.read_to_the_end()][-1] == 400
        with HttpClient(app.url) as wire:
            assert wire.ask(post(GOOD)).status == 200
    assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.parametrize("target", ["/predict", "/predict?abstain=false"])
def test_a_request_that_fails_leaves_nothing_to_the_garbage_collector(
    plain_artifact: Artifact, target: str
) -> None:
    """Its error would hold the frame that was told of it, and that frame the connection."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), request_timeout=0.1) as played:
            played.engine.hold()
            connection = played.connect()
            answer = await connection.ask(A_REQUEST.replace(b"/predict", target.encode()))
            assert answer.status == 504
            gc.disable()
            try:
                known = weakref.ref(connection.protocol)
                connection.disconnect()
                played.forget(connection)
                del connection
                await until(lambda: known() is None)
            finally:
                gc.enable()

    play(scenario())
