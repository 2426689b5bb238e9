"""`qa.fuzz.http_requests`: right requests are right, and the others are wrong in every way that there is."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from app.contract import Artifact
from qa.fuzz.delivery import ConnectionEnd, Delivery, deliver
from qa.fuzz.http_requests import Request, Requests
from qa.fuzz.wire import EXCUSED
from qa.harness.server import ServerProcess

CASES = 200


def test_a_request_is_written_as_http() -> None:
    """A line, headers, and the body, with other line ends where they are asked for."""
    request = Request(b"POST", b"/x", headers=[(b"A", b"1"), (b"B", b"2")], body=b"body")
    assert bytes(request) == b"POST /x HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\nbody"
    request.line = b"\n"
    assert bytes(request) == b"POST /x HTTP/1.1\nA: 1\nB: 2\n\nbody"


def test_streams_are_of_many_kinds(artifact: Artifact) -> None:
    """Plain and compressed, with lengths and in chunks, one request and several, all different."""
    streams = [Requests(artifact).stream(Random(chance)) for chance in range(CASES)]
    assert len(set(streams)) > 0.9 * CASES
    marks = (b"x-npy", b"gzip", b"chunked", b"Content-Length", b"/livez", b"HTTP/1.0", b"HEAD", b"X-Long")
    for mark in marks:
        assert 0 < sum(mark in stream for stream in streams) < CASES, mark
    assert any(stream.count(b"HTTP/1.1\r\n") > 1 for stream in streams)


@pytest.mark.parametrize("chances", [range(60)])
def test_some_requests_reach_the_model(server: ServerProcess, artifact: Artifact, chances: range) -> None:
    """A good part of what is sent is answered with probabilities: it is not all over at the parser."""
    requests = [bytes(Requests(artifact).request(Random(chance))) for chance in chances]
    port = int(server.url.rpartition(":")[2])

    async def ask() -> list[int]:
        seen = [await deliver(port, Delivery([one], 0, ConnectionEnd.HALF_CLOSE)) for one in requests]
        return [answer.status for one in seen for answer in one.answers]

    statuses = asyncio.run(ask())
    assert statuses.count(200) >= len(chances) / 6
    assert statuses.count(400) >= len(chances) / 20
    assert not {status for status in statuses if status >= 500} - EXCUSED
