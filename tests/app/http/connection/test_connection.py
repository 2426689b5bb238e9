"""`app.http.connection` on real sockets: heads with limits, and connections that end with a word."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from app.api.problem_kinds import CONNECTION
from app.client.schemas import Problem
from app.contract import Artifact
from app.http.connection_limit import MAX_LINGERING
from app.http.head import HEAD_BYTES, MAX_HEADERS, TARGET_BYTES
from app.http.timeouts import LINGER_SECONDS
from qa.harness.http_client import HttpClient
from qa.harness.messages import Response, as_json, get, head, post
from qa.harness.process import wait_until
from tests.app.api.served import Loop, Served, served
from tests.app.conftest import MAX_BODY, series
from tests.app.http.played import play, serving
from tests.support.fakes import FakeEngine

GOOD = as_json(series(0.5))
DIRECT, ONWARDS = "/predict", "/predict?abstain=false"
CHUNKED = [("Transfer-Encoding", "chunked")]
LOOPS: tuple[Loop, ...] = ("uvloop", "asyncio")


@pytest.fixture(scope="module", params=LOOPS)
def app(plain_artifact: Artifact, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A server on each kind of event loop that it may run on."""
    with served(plain_artifact, loop=request.param) as running:
        yield running


def last_words(wire: HttpClient, status: int) -> Response:
    """The last answer of a connection that the server has ended: of this status, and whole."""
    *_, answer = wire.read_to_the_end()
    assert answer.status == status
    assert answer.headers.get_all("connection") == ["close"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "date" in answer.headers
    assert "server" not in answer.headers
    problem = Problem.model_validate_json(answer.body)
    assert (problem.status, problem.type) == (status, CONNECTION[status].type)
    assert problem.request_id == answer.headers["x-request-id"]
    return answer


def padded(size: int) -> bytes:
    """A request without a body, of this size."""
    bare = head("GET", "/livez", [("X-Padding", "")])
    return head("GET", "/livez", [("X-Padding", "x" * (size - len(bare)))])


@pytest.mark.parametrize("step", [HEAD_BYTES * 2, 10_000, HEAD_BYTES - 1])
def test_a_head_may_have_its_size_and_no_more(app: Served, step: int) -> None:
    """To the byte, however it is cut up on its way; also after another request on the connection."""
    with HttpClient(app.url) as wire:
        for request in (padded(HEAD_BYTES), post(GOOD), padded(HEAD_BYTES)):
            for start in range(0, len(request), step):
                wire.send(request[start : start + step])
            assert wire.read().status == 200
        all_but_one_byte = padded(HEAD_BYTES + 1)[:-1]
        for start in range(0, HEAD_BYTES, step):
            wire.send(all_but_one_byte[start : start + step])
        assert b"head" in last_words(wire, 431).body


@pytest.mark.parametrize("target", [DIRECT, ONWARDS])
@pytest.mark.parametrize("size", [30_000, MAX_BODY])
@pytest.mark.parametrize("at", [1, 39_000, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1])
def test_what_comes_is_read_once_and_in_its_order(
    plain_artifact: Artifact, target: str, size: int, at: int
) -> None:
    """A head and a body that are large, cut anywhere, and more requests in the same piece as their end."""
    large = post(GOOD.ljust(size), [("X-Padding", "x" * 40_000)], target=target)
    requests = large + post(GOOD, target=target) * 2

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            connection.send(requests[:at], requests[at:])
            assert [answer.status for answer in await connection.answers(3)] == [200] * 3

    play(scenario())


@pytest.mark.parametrize(
    "begin",
    [
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Endless: ",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Endless",
        head("POST", DIRECT, CHUNKED) + b"1\r\n{\r\n0\r\nX-Trailer: ",
        head("POST", DIRECT, CHUNKED) + b"1;extension=",
    ],
    ids=["value", "name", "trailer", "chunk extension"],
)
def test_what_is_kept_until_it_is_whole_has_a_limit(app: Served, begin: bytes) -> None:
    """The parser keeps it: it is not given more, and the connection ends."""
    with HttpClient(app.url) as wire:
        wire.send(begin + b"x" * HEAD_BYTES * 2)
        last_words(wire, 431)


def test_a_body_of_many_small_chunks_is_no_head(app: Served) -> None:
    """Each chunk that comes is progress, though its frame is larger than what is in it."""
    body = GOOD + b" " * 30_000
    with HttpClient(app.url) as wire:
        assert wire.ask(post(body, chunks=1)).status == 200


def test_chunks_without_end_are_cut_off(app: Served) -> None:
    """At the limit, while the client goes on sending; no more of them is kept."""
    chunk = b"2710\r\n%b\r\n" % (b" " * 10_000)
    with HttpClient(app.url) as wire:
        wire.send(head("POST", DIRECT, CHUNKED) + chunk * (MAX_BODY // 10_000))
        wire.send(chunk)
        [refused] = wire.read_to_the_end()
        assert (refused.status, refused.headers["connection"]) == (413, "close")


@pytest.mark.parametrize("target", [DIRECT, ONWARDS])
def test_headers_have_a_number(app: Served, target: str) -> None:
    """As many as there may be are taken, one more is not."""
    fields = [(f"X-{number}", "") for number in range(MAX_HEADERS - 2)]  # beside Host and Content-Length
    with HttpClient(app.url) as wire:
        assert wire.ask(post(GOOD, fields, target=target)).status == 200
        wire.send(post(GOOD, [*fields, ("X-Last", "")], target=target))
        assert b"more than 100 headers" in last_words(wire, 431).body


@pytest.mark.parametrize("step", [TARGET_BYTES * 2, 1000])
def test_an_address_has_a_length(app: Served, step: int) -> None:
    """One of the most bytes is looked up, one byte more is too long; before the rest of the head is there."""
    with HttpClient(app.url) as wire:
        assert wire.ask(get("/livez?".ljust(TARGET_BYTES, "x"))).status == 200
        line = f"GET {'/livez?'.ljust(TARGET_BYTES + 1, 'x')} ".encode()
        for start in range(0, len(line), step):
            wire.send(line[start : start + step])
        assert b"8192" in last_words(wire, 414).body


def test_what_is_no_request_has_its_line_in_the_log(
    plain_artifact: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    """With the id that its client was told."""
    caplog.set_level(logging.INFO, "app.access")
    with served(plain_artifact, access_log=True) as app, HttpClient(app.url) as wire:
        wire.send(b"hello\r\n\r\n")
        told = last_words(wire, 400).headers["x-request-id"]
    lines = [record for record in caplog.records if record.name == "app.access"]
    assert [(line.getMessage(), line.__dict__["request_id"]) for line in lines] == [("- other 400", told)]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"hello\r\n\r\n", "Invalid method"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), "Invalid method"),
        (b"GET /livez HTTP/1.1\r\nHost: \x00\r\n\r\n", "Invalid header value char"),
        (head("POST", DIRECT, [("Content-Length", "1"), *CHUNKED]), "Content-Length"),
        (head("GET", "nowhere"), "nvalid"),
    ],
    ids=["words", "TLS", "header", "two lengths", "address"],
)
def test_invalid_input_gets_a_reason(app: Served, sent: bytes, reason: str) -> None:
    """In a problem document, as all errors, with what the parser knows; and it is counted."""
    name = 'timeseries_http_requests_total{protocol="none",route="other",status="400"}'
    timed = 'timeseries_http_request_seconds_count{protocol="none",route="other"}'
    before, before_timed = app.metric(name), app.metric(timed)
    with HttpClient(app.url) as wire:
        wire.send(sent)
        assert reason in json.loads(last_words(wire, 400).body)["detail"]
    assert (app.metric(name), app.metric(timed)) == (before + 1, before_timed)


@pytest.mark.parametrize("target", [DIRECT, ONWARDS])
def test_connection_errors_come_after_the_responses_that_are_due(app: Served, target: str) -> None:
    """A client that sends several requests at once takes the first answer for that of its first request."""
    app.engine.hold()
    with HttpClient(app.url) as wire:
        wire.send(post(GOOD, target=target) + post(GOOD, target=ONWARDS) + b"hello\r\n\r\n" + post(GOOD))
        assert app.engine.entered.wait(timeout=60)
        app.engine.release()
        assert [wire.read().status, wire.read().status] == [200, 200]
        last_words(wire, 400)


def test_a_broken_body_ends_its_own_request_and_no_other(app: Served) -> None:
    """Nobody waits for the rest of it, and the request before it gets its answer."""
    broken = head("POST", DIRECT, CHUNKED) + b"1\r\n{\r\nz"
    with HttpClient(app.url) as wire:
        wire.send(broken)
        assert len(wire.read_to_the_end()) == 1
    app.engine.hold()
    with HttpClient(app.url) as wire:
        wire.send(post(GOOD) + broken)
        assert app.engine.entered.wait(timeout=60)
        app.engine.release()
        assert wire.read().status == 200
        last_words(wire, 400)
    wait_until(lambda: not app.server.server_state.tasks)


def test_a_request_that_was_refused_gets_no_second_answer(app: Served) -> None:
    """Its body goes wrong after its refusal: the connection ends without another word."""
    with HttpClient(app.url) as wire:
        refused = wire.ask(head("POST", DIRECT, [*CHUNKED, ("Content-Type", "text/csv")]))
        assert refused.status == 415
        wire.send(b"no chunk\r\n")
        assert wire.read_to_the_end() == []


def test_the_last_response_reaches_a_client_that_still_sends(app: Served) -> None:
    """A connection that is closed with bytes unread is reset, and the answer lost."""
    with HttpClient(app.url) as wire:
        wire.send(b"hello\r\n\r\n")
        for _ in range(20):
            wire.send(bytes(10_000))
        last_words(wire, 400)


def test_a_lingering_connection_has_a_timeout(app: Served) -> None:
    """It has heard the end, and keeps its own end open: the server lets go of it all the same."""
    assert LINGER_SECONDS <= 1
    before = app.connections
    with HttpClient(app.url) as wire:
        wire.send(b"hello\r\n\r\n")
        last_words(wire, 400)
        wait_until(lambda: app.connections == before)


# How many connections there may be.


@pytest.fixture(scope="module", params=LOOPS)
def small(plain_artifact: Artifact, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A server of three connections at most."""
    with served(plain_artifact, loop=request.param, max_connections=3) as running:
        yield running


REFUSED = "timeseries_refused_connections_total"


def test_a_connection_over_the_limit_gets_503_and_is_closed(small: Served) -> None:
    """At once and unread; the others go on, and when one of them ends there is room again."""
    wait_until(lambda: small.connections == 0)
    before = small.metric(REFUSED)
    wait_until(lambda: small.connections == 0)
    with HttpClient(small.url) as first, HttpClient(small.url) as second:
        with HttpClient(small.url) as third:
            for wire in (first, second, third):
                assert wire.ask(post(GOOD)).status == 200
            for request in (b"", post(GOOD), post(GOOD * 30), b"hello\r\n\r\n"):
                with HttpClient(small.url) as fourth:
                    fourth.send(request)
                    answer = last_words(fourth, 503)
                    assert answer.headers["retry-after"] == "1"
            assert third.ask(post(GOOD)).status == 200
        wait_until(lambda: small.connections == 2)
        with HttpClient(small.url) as other:
            assert other.ask(post(GOOD)).status == 200
    assert small.metric(REFUSED) == before + 4


def test_only_some_refused_connections_may_linger(small: Served) -> None:
    """They have a descriptor, too: past a number they are not waited for, the others not for long."""
    wait_until(lambda: small.connections == 0)
    wires = [HttpClient(small.url) for _ in range(3)]
    assert [wire.ask(get("/livez")).status for wire in wires] == [200] * 3
    limit = small.app.state.connection_limit
    crowd = [HttpClient(small.url) for _ in range(MAX_LINGERING + 10)]
    for caller in crowd:
        assert caller.read().status == 503
        assert len(limit._lingering) <= MAX_LINGERING
    assert wires[0].ask(post(GOOD)).status == 200
    wait_until(lambda: not limit._lingering)
    assert small.connections == 3
    for caller in crowd:
        caller.close()
    for wire in wires:
        wire.close()


def test_no_limit_is_none(plain_artifact: Artifact) -> None:
    """0 lets everybody in."""
    with served(plain_artifact, max_connections=0) as app:
        wires = [HttpClient(app.url) for _ in range(20)]
        assert [wire.ask(get("/livez")).status for wire in wires] == [200] * 20
        for wire in wires:
            wire.close()
