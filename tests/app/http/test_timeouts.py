"""`app.http.timeouts` on real sockets: callers that do nothing, or all too slowly, hold no connection."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from app.contract import Artifact
from app.http.connection import Connection
from app.http.timeouts import Timeouts
from qa.harness.http_client import HttpClient
from qa.harness.messages import as_json, get, post
from qa.harness.process import wait_until
from qa.harness.server import running_server
from tests.app.api.served import Served, served
from tests.app.conftest import series

GOOD = as_json(series(0.5))


class Hurried(Connection):
    """The same in less time."""

    timeouts = Timeouts(head=0.3, read=0.2, discard=0.3)


@pytest.fixture(scope="module")
def app(plain_artifact: Artifact) -> Iterator[Served]:
    """A server in a hurry."""
    with served(plain_artifact, protocol=Hurried, keep_alive_timeout=2) as running:
        yield running


def trickle(wire: HttpClient) -> None:
    """Send a byte, and another, and another."""
    for _ in range(1000):
        wire.send(b"x")
        time.sleep(0.02)


def test_a_caller_that_says_nothing_is_left(app: Served) -> None:
    """A connection without a request ends."""
    with HttpClient(app.url) as wire:
        assert wire.read_to_the_end() == []


def test_a_head_that_never_ends_is_left(app: Served) -> None:
    """Each byte that comes does not buy time for the next."""
    with HttpClient(app.url) as wire:
        assert wire.ask(get("/livez")).status == 200
        wire.send(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        with pytest.raises(OSError):  # noqa: PT011 - whichever it is, of a connection that is no more
            trickle(wire)


def test_a_caller_that_reads_no_answers_is_cut(app: Served) -> None:
    """What it does not read would be kept for it, with its connection."""
    with HttpClient(app.url) as wire:
        assert wire.ask(get("/livez")).status == 200
        before = app.connections
        wire.send(get("/openapi.json") * 1000)
        wait_until(lambda: app.connections == before - 1)


def test_an_idle_connection_ends_when_it_was_idle_for_long(app: Served) -> None:
    """After KEEP_ALIVE_TIMEOUT seconds, though the answer was read at once."""
    with HttpClient(app.url) as wire:
        assert wire.ask(post(GOOD)).status == 200
        time.sleep(0.3)  # longer than an answer may take to be read
        assert wire.ask(post(GOOD)).status == 200
        assert wire.read_to_the_end() == []


@pytest.mark.parametrize("target", ["/predict", "/predict?abstain=false"])
def test_the_rest_of_a_body_is_not_waited_for_without_end(app: Served, target: str) -> None:
    """Of a request that was refused before its body had come; each byte that comes buys no time."""
    with HttpClient(app.url) as wire:
        refused = post(GOOD, [("Content-Type", "text/xml")], target=target)
        assert wire.ask(refused[: -len(GOOD)]).status == 415
        wire.send(refused[-len(GOOD) :])
        assert wire.ask(post(GOOD)).status == 200
        assert wire.ask(refused[: -len(GOOD)]).status == 415
        with pytest.raises(OSError):  # noqa: PT011 - whichever it is, of a connection that is no more
            trickle(wire)


def test_a_slow_body_ends_its_connection_on_both_paths() -> None:
    """With 408, and at once: nobody waits for what may never come."""
    with running_server(REQUEST_TIMEOUT="0.3") as server:
        for target in ("/predict", "/predict?abstain=false"):
            with HttpClient(server.url) as wire:
                wire.send(post(GOOD, target=target)[:-1])
                [answer] = wire.read_to_the_end()
                assert (answer.status, answer.headers["connection"]) == (408, "close")


def test_a_caller_that_waits_for_its_answer_is_not_left(app: Served) -> None:
    """However long the engine takes, within the request's own time."""
    app.engine.hold()
    with HttpClient(app.url) as wire:
        wire.send(post(GOOD))
        assert app.engine.entered.wait(timeout=60)
        time.sleep(0.6)  # longer than a head may take
        app.engine.release()
        assert wire.read().status == 200
