"""`app.http.fast_path` on a real server, asked by the byte: whatever a socket can bring, in any order."""

from __future__ import annotations

import signal

import pytest

from qa.harness.http_client import HttpClient
from qa.harness.messages import Headers, Response, as_json, as_npy, get, head, post
from qa.harness.process import wait_until
from qa.harness.server import ServerProcess, running_server
from tests.app.conftest import series
from tests.app.http.fast_path.compared import told

GOOD = as_json(series(0.5))
NPY = [("Content-Type", "application/x-npy"), ("Accept", "application/x-npy")]
DIRECT, ONWARDS = "/predict", "/predict?abstain=false"
PROBE = head("GET", "/livez", [("Connection", "close")])


def answers_to(server: ServerProcess, sent: bytes) -> list[Response]:
    """All answers to what is sent, up to the end of the connection."""
    with HttpClient(server.url) as wire:
        wire.send(sent)
        return wire.read_to_the_end()


def statuses_of(server: ServerProcess, sent: bytes) -> list[int]:
    """The status of each answer to what is sent, up to the end of the connection."""
    return [answer.status for answer in answers_to(server, sent)]


def count_of(wire: HttpClient, status: int) -> int:
    """How many requests for `/predict` were counted under a status."""
    name = f'timeseries_http_requests_total{{protocol="native",route="/predict",status="{status}"}} '
    lines = wire.ask(get("/metrics")).body.decode().splitlines()
    return sum(int(float(line.removeprefix(name))) for line in lines if line.startswith(name))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_request_in_small_pieces_is_one_request(server: ServerProcess, size: int) -> None:
    """For any size of pieces."""
    request = post(as_npy(series(0.5, -0.5)), NPY)
    with HttpClient(server.url) as wire:
        whole = told(wire.ask(request))
        for start in range(0, len(request), size):
            wire.send(request[start : start + size])
        assert told(wire.read()) == whole
    assert whole[0] == 200


def test_pipelined_requests_are_answered_in_their_order(server: ServerProcess) -> None:
    """On both paths, large and small, valid and invalid."""
    names = [f"request-{number}" for number in range(40)]
    requests, statuses = b"", list[int]()
    for name in names:
        named = [("X-Request-Id", name)]
        kinds = {
            post(GOOD, named): 200,
            head("GET", "/livez", named): 200,
            post(b"{", named): 400,
            post(as_json(series(*range(50))), named): 200,
            post(b"<x/>", [*named, ("Content-Type", "text/xml")]): 415,
            post(GOOD, named, target=ONWARDS): 200,
            head("GET", "/nowhere", named): 404,
            post(GOOD, named, chunks=500): 200,
        }
        request, status = list(kinds.items())[len(statuses) % len(kinds)]
        requests += request
        statuses.append(status)
    with HttpClient(server.url) as wire:
        wire.send(requests)
        answers = [wire.read() for _ in names]
    assert [answer.headers["x-request-id"] for answer in answers] == names
    assert [answer.status for answer in answers] == statuses


def test_a_disconnect_within_a_body_is_counted_and_not_logged(server: ServerProcess) -> None:
    """It counts as 400, and nothing is logged."""
    logged = server.log.read_text()
    with HttpClient(server.url) as wire:
        before = count_of(wire, 400)
        for part in (post(GOOD)[:-100], post(GOOD)[: -len(GOOD)]):
            with HttpClient(server.url) as cut:
                cut.send(part)
        wait_until(lambda: count_of(wire, 400) >= before + 2)
        assert told(wire.ask(post(GOOD)))[0] == 200
        assert count_of(wire, 400) == before + 2
    assert server.log.read_text() == logged


def test_a_body_that_does_not_come_in_time_ends_the_connection(server: ServerProcess) -> None:
    """408, then the end: later bytes are not parsed as another request."""
    headers = [("Content-Length", "1000"), ("X-Request-Timeout", "0.2")]
    [answer] = answers_to(server, head("POST", DIRECT, headers) + b"{" * 10)
    assert (answer.status, answer.headers.get_all("connection")) == (408, ["close"])
    assert b"only 10 bytes of the body arrived in time" in answer.body


@pytest.mark.parametrize("target", [DIRECT, ONWARDS])
def test_the_connection_stays_open_after_an_early_refusal(server: ServerProcess, target: str) -> None:
    """It is sent after the head; after the rest of the body, the next request is read."""
    headers = [("Content-Length", "1000"), ("Content-Type", "text/xml")]
    with HttpClient(server.url) as wire:
        refused = wire.ask(head("POST", target, headers))
        assert refused.status == 415
        assert "connection" not in refused.headers
        # A body that looks like requests is no request.
        wire.send((get("/nowhere") * 1000)[:1000])
        assert wire.ask(post(GOOD)).status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (post(GOOD, [("Connection", "close")]), 200),
        (post(b"{", [("Connection", "Close")]), 400),
        (post(GOOD, version="1.0"), 200),
        (post(GOOD, [("Connection", "keep-alive")], version="1.0"), 200),
    ],
    ids=["asked for", "asked for by a bad one", "HTTP/1.0", "HTTP/1.0 that would go on"],
)
def test_connection_close_ends_the_connection(server: ServerProcess, sent: bytes, status: int) -> None:
    """After one response."""
    [answer] = answers_to(server, sent)
    assert (answer.status, answer.headers.get_all("connection")) == (status, ["close"])


def test_expect_100_continue(server: ServerProcess) -> None:
    """`100 Continue` before a body that will be read; otherwise only the refusal."""
    expecting = [("Expect", "100-continue"), ("Content-Length", str(len(GOOD)))]
    with HttpClient(server.url) as wire:
        assert wire.ask(head("POST", DIRECT, expecting)).status == 100
        assert wire.ask(GOOD).status == 200
        assert wire.ask(head("POST", DIRECT, [*expecting, ("Content-Type", "text/xml")])).status == 415


N = str(len(GOOD))


@pytest.mark.parametrize(
    ("lengths", "statuses"),
    [
        ([("Content-Length", N)], [200, 200]),
        ([("Content-Length", f"00{N}")], [200, 200]),
        ([("Content-Length", N), ("Content-Length", N)], [400]),
        ([("Content-Length", N), ("Content-Length", "0")], [400]),
        ([("Content-Length", f"{N}, {N}")], [400]),
        ([("Content-Length", f"{N} {N}")], [400]),
        ([("Content-Length", f"-{N}")], [400]),
        ([("Content-Length", f"+{N}")], [400]),
        ([("Content-Length", "1e3")], [400]),
        ([("Content-Length", "0x10")], [400]),
        ([("Content-Length", "")], [400]),
        ([("Content-Length", str(2**64))], [400]),
        ([("Content-Length ", N)], [400]),
        ([("Content-Length", N), ("Transfer-Encoding", "chunked")], [400]),
        ([("Transfer-Encoding", "chunked"), ("Content-Length", N)], [400]),
        ([("Transfer-Encoding", "identity"), ("Content-Length", N)], [400]),
    ],
)
def test_an_invalid_length_ends_the_connection(
    server: ServerProcess, lengths: Headers, statuses: list[int]
) -> None:
    """Where a request ends is never guessed: whoever stands in front might guess otherwise."""
    direct, onwards = (
        [told(answer) for answer in answers_to(server, head("POST", target, lengths) + GOOD + PROBE)]
        for target in (DIRECT, ONWARDS)
    )
    assert direct == onwards
    assert [answer[0] for answer in direct] == statuses


def test_what_follows_a_body_is_another_request(server: ServerProcess) -> None:
    """If it is valid, it gets a response; otherwise the connection ends."""
    assert statuses_of(server, post(GOOD) + PROBE) == [200, 200]
    for target in (DIRECT, ONWARDS):
        short = head("POST", target, [("Content-Length", "100")]) + GOOD
        assert 200 not in statuses_of(server, short + PROBE)
        assert statuses_of(server, short + PROBE)[-1] == 400
        assert statuses_of(server, post(GOOD, target=target) + b"junk" + PROBE)[-1] == 400


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /predict HTTP/1.1", 200),
        ("POST /predict? HTTP/1.1", 200),
        ("POST /predict?abstain=no HTTP/1.1", 422),
        ("POST /%70redict HTTP/1.1", 200),
        ("POST http://x/predict HTTP/1.1", 200),
        ("POST /predict#here HTTP/1.1", 200),
        ("POST /PREDICT HTTP/1.1", 404),
        ("POST //predict HTTP/1.1", 404),
        ("POST /predict/ HTTP/1.1", 404),
        ("GET /predict HTTP/1.1", 405),
        ("PUT /predict HTTP/1.1", 405),
        ("post /predict HTTP/1.1", 400),
        ("POST predict HTTP/1.1", 400),
        ("POST /predict HTTP/9.9", 400),
        ("POST  /predict HTTP/1.1", 200),
    ],
)
def test_a_request_line_is_taken_literally(server: ServerProcess, line: str, status: int) -> None:
    """Any other request line takes the framework's path."""
    request = f"{line}\r\nHost: x\r\nConnection: close\r\nContent-Length: {N}\r\n\r\n".encode() + GOOD
    assert statuses_of(server, request) == [status]


def test_draining_ends_each_connection_with_an_answer() -> None:
    """Also after a request that was being sent at the signal."""
    with (
        running_server(DRAIN_DELAY="600") as server,
        HttpClient(server.url) as half,
        HttpClient(server.url) as probe,
    ):
        half.send(post(GOOD)[:-1])
        server.process.send_signal(signal.SIGTERM)
        while probe.ask(get("/readyz")).status == 200:
            pass
        half.send(post(GOOD)[-1:])
        [answer] = half.read_to_the_end()
        assert (answer.status, answer.headers.get_all("connection")) == (200, ["close"])
        for target in (DIRECT, ONWARDS):
            [answer] = answers_to(server, post(GOOD, target=target))
            assert (answer.status, answer.headers.get_all("connection")) == (200, ["close"])
