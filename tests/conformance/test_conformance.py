"""Each stream of the table gets the required responses: whole, cut anywhere, and on a real socket."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from app.contract import Artifact
from qa.harness.http_client import BrokenResponse, HttpClient
from qa.harness.messages import Response, get, read_answers, read_whole_answers
from tests.app.api.served import Loop, Served, served
from tests.app.http.played import Connection, play, serving, until
from tests.conformance.streams import Stream, all_streams
from tests.support.fakes import FakeEngine

STREAMS = all_streams()
LOOPS: tuple[Loop, ...] = ("uvloop", "asyncio")
# Streams are cut at each byte by `make conformance`, else at some.
CUTS = None if os.environ.get("CONFORMANCE_CUTS") == "all" else 4
named = pytest.mark.parametrize("stream", STREAMS, ids=[stream.name for stream in STREAMS])


@pytest.fixture(scope="module", params=LOOPS)
def app(plain_artifact: Artifact, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A server on each kind of event loop that it may run on."""
    with served(plain_artifact, loop=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def reference(plain_artifact: Artifact) -> Iterator[Served]:
    """The same app behind uvicorn's own connection with h11."""
    with served(plain_artifact, protocol="h11") as running:
        yield running


def check(stream: Stream, answers: list[Response], *, ended: bool) -> None:
    """The answers of a stream are those that it must get, and say whether the connection ends."""
    final = [answer for answer in answers if answer.status != 100]
    statuses = tuple(answer.status for answer in answers)
    if stream.may_end and ended:
        assert statuses == stream.statuses[: len(statuses)]
        assert statuses
    else:
        assert statuses == stream.statuses
        assert ended == stream.ends
    if stream.shuts_down:
        return  # the answer may have been written before the server could know
    says_so = [answer.headers.get_all("connection") == ["close"] for answer in final]
    assert says_so == [False] * (len(final) - 1) + [ended] * bool(final)


@named
def test_a_stream_on_a_real_socket(app: Served, stream: Stream) -> None:
    """The answers, and then the end of the connection, or another request on it."""
    with HttpClient(app.url) as wire:
        wire.send(stream.sent)
        if stream.shuts_down:
            wire.shut_down_sending()
        answers, ended = read_all(wire, stream)
    check(stream, answers, ended=ended)


def read_all(wire: HttpClient, stream: Stream) -> tuple[list[Response], bool]:
    """The responses to a stream, and whether the connection was closed after them."""
    answers: list[Response] = []
    while len(answers) < len(stream.statuses) and not (answers and _is_last(answers[-1])):
        answers.append(wire.read())
    if stream.shuts_down or not answers or _is_last(answers[-1]):
        return answers + wire.read_to_the_end(), True
    probe = wire.ask(get("/startupz"))
    assert b'"state"' in probe.body
    return answers, False


def _is_last(answer: Response) -> bool:
    return answer.headers["connection"] == "close"


def cuts_of(stream: Stream) -> list[int]:
    """Where a stream is cut."""
    places = range(1, len(stream.sent))
    if CUTS is None or len(places) <= CUTS:
        return list(places)
    chance = np.random.default_rng(len(stream.sent))
    head = stream.sent.find(b"\r\n\r\n") + 4
    edges = {at for at in range(head - 4, head + 1) if at in places}
    return sorted(edges | set(chance.choice(places, CUTS, replace=False).tolist()))


@named
def test_a_stream_that_is_cut(plain_artifact: Artifact, stream: Stream) -> None:
    """In two parts, at each byte or at some, and byte by byte: it gets the same."""
    sent = stream.sent
    ways = [[sent[:at], sent[at:]] for at in cuts_of(stream)]
    ways.append([sent[at : at + 1] for at in range(len(sent))])

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            for parts in ways:
                connection = played.connect()
                for part in parts:
                    connection.send(part)
                    if len(parts) == 2:
                        await connection.settle()
                if stream.shuts_down:
                    connection.shut_down_sending()
                await answered(connection, len(stream.statuses))
                check(stream, read_answers(connection.written), ended=connection.is_over)
                connection.disconnect()

    play(scenario())


async def answered(connection: Connection, count: int) -> None:
    """Wait until a connection has so many answers or has ended, and a moment for more than that."""
    await until(lambda: connection.is_over or len(read_whole_answers(connection.written)) >= count)
    await connection.settle()


@pytest.mark.parametrize(
    "stream", [stream for stream in STREAMS if stream.reference], ids=lambda stream: stream.name
)
def test_a_stream_at_the_reference(reference: Served, stream: Stream) -> None:
    """Uvicorn with h11 gives the same responses, which confirms the table."""
    with HttpClient(reference.url) as wire:
        wire.send(stream.sent)
        statuses = tuple(next_status(wire) for _ in stream.reference)
    assert statuses == stream.reference


def next_status(wire: HttpClient) -> int:
    """The status of the next answer. h11's own refusals have no length, which the client does not take."""
    try:
        return wire.read().status
    except BrokenResponse as error:
        return int(str(error).removeprefix("a response ").partition(" without Content-Length")[0])


def test_no_answer_is_lost_when_the_sender_is_faster(app: Served) -> None:
    """A refusal reaches a client that is still sending its body; the connection is not reset."""
    for _ in range(5):
        with HttpClient(app.url) as wire:
            wire.send(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
            try:
                for _ in range(50):
                    wire.send(bytes(100_000))
            except (TimeoutError, BrokenPipeError, ConnectionResetError):
                pass
            assert wire.read().status == 413
