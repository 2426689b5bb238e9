"""`app.http.timeouts` on real sockets: idle and slow clients hold no connection."""

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


class ShortTimeouts(Connection):
    """A connection with short timeouts."""

    timeouts = Timeouts(head=0.3, read=0.2, discard=0.3)


@pytest.fixture(scope="module")
def app(plain_artifact: Artifact) -> Iterator[Served]:
    """A server with short timeouts."""
    with served(plain_artifact, protocol=ShortTimeouts, keep_alive_timeout=2) as running:
        yield running


def trickle(wire: HttpClient) -> None:
    """Send one byte every 20 ms."""
    for _ in range(1000):
        wire.send(b"x")
        time.sleep(0.02)


def test_a_client_that_sends_nothing_is_disconnected(app: Served) -> None:
    """A connection without a request is closed."""
    with HttpClient(app.url) as wire:
        assert wire.read_to_the_end() == []


def test_a_slow_head_is_disconnected(app: Served) -> None:
    """Parts of a head do not extend its timeout."""
    with HttpClient(app.url) as wire:
        assert wire.ask(get("/livez")).status == 200
        wire.send(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        with pytest.raises(OSError):  # noqa: PT011 - whichever it is, of a connection that is no more
            trickle(wire)


def test_a_client_that_does_not_read_is_disconnected(app: Served) -> None:
    """Its responses would stay in memory."""
    with HttpClient(app.url) as wire:
        assert wire.ask(get("/livez")).status == 200
        before = app.connections
        wire.send(get("/openapi.json") * 1000)
        wait_until(lambda: app.connections == before - 1)


def test_an_idle_connection_is_closed_after_its_timeout(app: Served) -> None:
    """Although its response was read at once."""
    with HttpClient(app.url) as wire:
        assert wire.ask(post(GOOD)).status == 200
        time.sleep(0.3)  # longer than an answer may take to be read
        assert wire.ask(post(GOOD)).status == 200
        assert wire.read_to_the_end() == []


@pytest.mark.parametrize("target", ["/predict", "/predict?abstain=false"])
def test_the_rest_of_a_discarded_body_has_a_timeout(app: Served, target: str) -> None:
    """After an early refusal; parts of the body do not extend the timeout."""
    with HttpClient(app.url) as wire:
        refused = post(GOOD, [("Content-Type", "text/xml")], target=target)
        assert wire.ask(refused[: -len(GOOD)]).status == 415
        wire.send(refused[-len(GOOD) :])
        assert wire.ask(post(GOOD)).status == 200
        assert wire.ask(refused[: -len(GOOD)]).status == 415
        with pytest.raises(OSError):  # noqa: PT011 - whichever it is, of a connection that is no more
            trickle(wire)


def test_a_slow_body_ends_its_connection_on_both_paths() -> None:
    """With 408, and at once."""
    with running_server(REQUEST_TIMEOUT="0.3") as server:
        for target in ("/predict", "/predict?abstain=false"):
            with HttpClient(server.url) as wire:
                wire.send(post(GOOD, target=target)[:-1])
                [answer] = wire.read_to_the_end()
                assert (answer.status, answer.headers["connection"]) == (408, "close")


def test_a_client_that_waits_for_its_response_is_not_disconnected(app: Served) -> None:
    """The request has its own timeout."""
    app.engine.hold()
    with HttpClient(app.url) as wire:
        wire.send(post(GOOD))
        assert app.engine.entered.wait(timeout=60)
        time.sleep(0.6)  # longer than a head may take
        app.engine.release()
        assert wire.read().status == 200
