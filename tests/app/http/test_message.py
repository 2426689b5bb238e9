"""`app.http.message` on real sockets: HTTP/1.1 goes on whatever is asked for, and nobody fills the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from app.client.schemas import Problem
from app.contract import Artifact
from app.http.message import MessageReader
from qa.harness.http_client import HttpClient
from qa.harness.messages import as_json, get, head, post
from tests.app.api.served import Loop, Served, served
from tests.app.conftest import series

GOOD = as_json(series(0.5))
LOOPS: tuple[Loop, ...] = ("uvloop", "asyncio")
# What Java's client sends with its first request, and what a browser sends.
HTTP2 = [
    ("Connection", "Upgrade, HTTP2-Settings"),
    ("HTTP2-Settings", "AAEAAEAAAAIAAAAB"),
    ("Upgrade", "h2c"),
]
WEBSOCKET = [
    ("Connection", "keep-alive, Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
]


@pytest.fixture(scope="module", params=LOOPS)
def app(plain_artifact: Artifact, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A server on each kind of event loop that it may run on."""
    with served(plain_artifact, loop=request.param) as running:
        yield running


@pytest.mark.parametrize("step", [10_000_000, 100, 1])
@pytest.mark.parametrize("chunks", [None, 1000], ids=["whole", "chunks"])
@pytest.mark.parametrize("target", ["/predict", "/predict?abstain=false"])
def test_a_body_is_read_despite_an_upgrade_header(
    app: Served, target: str, chunks: int | None, step: int
) -> None:
    """It is not taken for what comes in that protocol, nor for another request, however it is cut up."""
    requests = post(GOOD, HTTP2, target=target, chunks=chunks) + post(GOOD, HTTP2, target=target)
    with HttpClient(app.url) as wire:
        for start in range(0, len(requests), step):
            wire.send(requests[start : start + step])
        assert [wire.read().status, wire.read().status] == [200, 200]
        assert wire.ask(get("/livez")).status == 200


def test_a_websocket_gets_the_response_of_a_plain_request(app: Served) -> None:
    """There is none: it gets the answer of its method and address, and the connection goes on."""
    with HttpClient(app.url) as wire:
        for target, status in (("/predict", 405), ("/ws", 404)):
            answer = wire.ask(head("GET", target, WEBSOCKET))
            assert (answer.status, Problem.model_validate_json(answer.body).status) == (status, status)
            assert "upgrade" not in answer.headers
        assert wire.ask(head("GET", "/livez", WEBSOCKET)).status == 200


def test_a_request_for_another_protocol_waits_for_its_turn(app: Served) -> None:
    """Before it, and behind it, every request gets its own answer."""
    app.engine.hold()
    with HttpClient(app.url) as wire:
        wire.send(post(GOOD) + head("GET", "/livez", WEBSOCKET) + post(GOOD, HTTP2) + get("/nowhere"))
        assert app.engine.entered.wait(timeout=60)
        app.engine.release()
        assert [wire.read().status for _ in range(4)] == [200, 200, 200, 404]


def test_many_that_come_at_once_are_answered(app: Served) -> None:
    """As many as there is room for in one piece."""
    asking = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    number = 60_000 // len(asking)
    with HttpClient(app.url) as wire:
        wire.send(asking * number)
        assert {wire.read().status for _ in range(number)} == {404}


def test_connect_is_refused(app: Served) -> None:
    """Where the next request would begin cannot be known: the connection ends."""
    with HttpClient(app.url) as wire:
        wire.send(head("CONNECT", "/livez") + get("/livez"))
        [answer] = wire.read_to_the_end()
        assert answer.status == 400
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        (b"hello\r\n\r\n", ("other", 400)),
        (b"GET /livez HTTP/1.1\r\nHost: \x00\r\n\r\n", ("other", 400)),
        (head("CONNECT", "x:443"), ("other", 400)),
        (head("GET", "nowhere"), ("other", 400)),
        (head("GET", "/".ljust(10_000, "x")), ("other", 414)),
        (head("GET", "/livez", [("X", "x" * 70_000)]), ("other", 431)),
        (head("POST", "/predict", [("Transfer-Encoding", "chunked")]) + b"z", ("/predict", 400)),
        (post(GOOD, [*WEBSOCKET, ("Content-Type", "text/csv")]), ("/predict", 415)),
        (head("GET", "/predict", WEBSOCKET), ("/predict", 405)),
    ],
)
def test_invalid_input_is_counted_and_not_logged(
    app: Served, caplog: pytest.LogCaptureFixture, sent: bytes, counted: tuple[str, int]
) -> None:
    """Anybody could fill the log with it, and hide in it."""
    caplog.set_level(logging.INFO, "uvicorn.error")
    protocol = "none" if counted[0] == "other" else "native"
    route, status = counted
    name = f'timeseries_http_requests_total{{protocol="{protocol}",route="{route}",status="{status}"}}'
    before = app.metric(name)
    with HttpClient(app.url) as wire:
        wire.send(sent)
        assert wire.read().status == counted[1]
    assert app.metric(name) == before + 1
    assert [record.getMessage() for record in caplog.records] == []


class Taken:
    """Keeps what a reader hands on."""

    def __init__(self) -> None:
        self.body: list[bytes] = []
        self.ends = 0

    def feed(self, part: bytes) -> None:
        """Keep a part."""
        self.body.append(part)

    def complete(self) -> None:
        """Count an end."""
        self.ends += 1


def test_a_second_message_in_a_piece_is_refused() -> None:
    """Its response could come before the first one's; whoever cuts the pieces has made a mistake."""
    taken = Taken()
    reader = MessageReader(lambda: taken)
    assert reader.feed(post(b"a body") + get("/livez")) == (400, "")
    assert (taken.body, taken.ends, reader.target) == ([b"a body"], 1, b"/predict")
