"""`app.http.connection` on real sockets: of an ended connection nothing is left, garbage collected or not."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from app.contract import Artifact
from app.http.connection import Connection
from app.http.timeouts import Timeouts
from qa.harness.http_client import HttpClient
from qa.harness.messages import as_json, get, post
from qa.harness.process import wait_until
from tests.app.api.served import Loop, Served, served
from tests.app.conftest import series

GOOD = as_json(series(0.5))
DIRECT, ONWARDS = "/predict", "/predict?abstain=false"
LOOPS: tuple[Loop, ...] = ("uvloop", "asyncio")


class Watched(NamedTuple):
    """A server, and what it has made of each connection, where that still exists."""

    app: Served
    known: list[weakref.ref[Connection]]


@pytest.fixture(scope="module", params=LOOPS)
def watched(plain_artifact: Artifact, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """A server in a hurry on each kind of event loop."""
    known: list[weakref.ref[Connection]] = []

    class Noted(Connection):
        timeouts = Timeouts(head=0.3)

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            known.append(weakref.ref(self))
            super().connection_made(transport)

    with served(plain_artifact, protocol=Noted, loop=request.param, request_timeout=0.5) as app:
        yield Watched(app, known)


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nobody collects garbage."""
    gc.disable()
    yield
    gc.enable()


def half(target: str) -> bytes:
    """A request without half of its body."""
    return post(GOOD, target=target)[: -len(GOOD) // 2]


def asks(wire: HttpClient) -> None:
    """A request, one that goes the framework's way, and another."""
    for request in (post(GOOD), get("/livez"), post(GOOD)):
        assert wire.ask(request).status == 200


def asks_without_waiting(wire: HttpClient) -> None:
    """Requests that wait for each other, and are never answered."""
    wire.send(post(GOOD, target=ONWARDS) * 3 + post(GOOD))


def says_nothing(wire: HttpClient) -> None:
    """Until the server has had enough."""
    assert wire.read_to_the_end() == []


def is_slow(wire: HttpClient) -> None:
    """Half of a head, until the server has had enough."""
    wire.send(post(GOOD)[:20])
    assert wire.read_to_the_end() == []


def stops_half_way(wire: HttpClient) -> None:
    """Half of a body, until the server has had enough."""
    wire.send(half(DIRECT))
    assert [answer.status for answer in wire.read_to_the_end()] == [408]


def leaves_half_way(wire: HttpClient) -> None:
    """Half of a body, by the framework's way, and the end."""
    wire.send(half(ONWARDS))


def resets(wire: HttpClient) -> None:
    """Half of a body, and no proper end."""
    wire.send(half(DIRECT))
    wire.reset()


def abandons(wire: HttpClient) -> None:
    """A whole request, and the end."""
    wire.send(post(GOOD))


def speaks_no_http(wire: HttpClient) -> None:
    """It is told so."""
    wire.send(b"hello\r\n\r\n")
    assert [answer.status for answer in wire.read_to_the_end()] == [400]


def names_no_host(wire: HttpClient) -> None:
    """A head that the parser takes, and the rules for heads do not."""
    wire.send(b"GET /livez HTTP/1.1\r\n\r\n")
    assert [answer.status for answer in wire.read_to_the_end()] == [400]


def names_no_address(wire: HttpClient) -> None:
    """What is refused last, when a request is made of its head."""
    wire.send(b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [answer.status for answer in wire.read_to_the_end()] == [400]


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    "behaves",
    [
        asks,
        asks_without_waiting,
        says_nothing,
        is_slow,
        stops_half_way,
        leaves_half_way,
        resets,
        abandons,
        speaks_no_http,
        names_no_host,
        names_no_address,
    ],
)
def test_a_connection_is_freed_without_garbage_collection(
    watched: Watched, behaves: Callable[[HttpClient], None]
) -> None:
    """With the last reference to it: thousands that wait for a collection make that one long."""
    app, known = watched
    before = len(known)
    with HttpClient(app.url) as wire:
        behaves(wire)
    wait_until(lambda: len(known) == before + 1)
    wait_until(lambda: known[-1]() is None)
