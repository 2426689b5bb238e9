"""`POST /predict/stream` on real sockets: every window once, as it is complete; clients of every kind."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact
from app.http.connection import Connection
from app.http.timeouts import Timeouts
from qa.harness.http_client import HttpClient
from qa.harness.messages import get, post
from qa.harness.process import wait_until
from tests.app.api.served import Served, served
from tests.app.api.stream.streaming import BINARY, Ended, Stream, as_float32, as_lines, exchange
from tests.app.conftest import LENGTH
from tests.app.http.played import play, serving, until
from tests.app.telemetry.tracing.kept import attributes_of, keep
from tests.support.fakes import FakeEngine

RAW = [("Content-Type", BINARY)]
ROUTE = '{protocol="native",route="/predict/stream",status="%s"}'
VERSION = {"model": "forda", "version": 4}
# More than one worker may hold of bodies, in the app of these tests.
IN_FLIGHT = 1_000_000


class ShortTimeouts(Connection):
    """A connection that gives up soon on a client that does not read."""

    timeouts = Timeouts(read=0.3)


@pytest.fixture(scope="module")
def app(plain_artifact: Artifact) -> Iterator[Served]:
    """A server whose engine answers windows by their first value, with short timeouts."""
    with served(
        plain_artifact,
        protocol=ShortTimeouts,
        rows=1024,
        request_timeout=60.0,
        max_body_bytes_in_flight=IN_FLIGHT,
    ) as running:
        yield running


def ramp(steps: int) -> NDArray[np.float32]:
    """A recording in which each value gives its position, of both signs: it has no offset to subtract."""
    values = np.linspace(1, 4, steps, dtype=np.float32)
    values[1::2] *= -1
    return values


def sent_before_the_end(stream: Stream) -> int:
    """Send values until the connection ends; return how many."""
    sent = 0
    try:
        while True:
            stream.send(as_float32(ramp(10_000)))
            sent += 10_000
    except ConnectionError:
        return sent


def check(lines: list[dict[str, Any]], values: NDArray[np.float32], stride: int) -> None:
    """Every window has its prediction, in order, and the last line the right count."""
    *windows, last = lines
    assert "type" not in last, last
    count = max(0, (len(values) - LENGTH) // stride + 1)
    assert [line["window"] for line in windows] == list(range(count))
    assert [line["start"] for line in windows] == [stride * number for number in range(count)]
    expected = 1 / (1 + np.exp(-values[: count * stride : stride][:count].astype(np.float64)))
    assert np.allclose([line["probabilities"]["1"] for line in windows], expected, atol=1e-6)
    used = (count - 1) * stride + LENGTH if count else 0
    assert last["windows"] == count
    assert last["values"] == len(values)
    assert last["unused_values"] == len(values) - used


@pytest.mark.parametrize("stride", [1, 7, 500])
@pytest.mark.parametrize("piece", [1000, 1_000_000])
@pytest.mark.parametrize("is_raw", [False, True])
def test_every_window_is_answered_once(app: Served, stride: int, piece: int, is_raw: bool) -> None:
    """In pieces of any size, as lines or raw values; many windows from one piece, or one from many."""
    values = ramp(1234)
    body = as_float32(values) if is_raw else as_lines(values.tolist())
    pieces = [body[start : start + piece] for start in range(0, len(body), piece)]
    check(exchange(app.url, pieces, f"stride={stride}", RAW if is_raw else []), values, stride)


def test_a_window_is_answered_as_soon_as_it_is_complete(app: Served) -> None:
    """Before more of the body is sent."""
    values = ramp(3 * LENGTH)
    with Stream(app.url, headers=RAW) as stream:
        for number in range(3):
            part = values[number * LENGTH : (number + 1) * LENGTH]
            stream.send(as_float32(part[:-1]))
            stream.send(as_float32(part[-1:]))
            assert stream.line()["window"] == number
        stream.end()
        [last] = stream.lines()
        assert last == {"windows": 3, "values": 1500, "unused_values": 0, **VERSION, "stride": 500}


def test_a_body_with_a_length_is_a_stream_too(app: Served) -> None:
    """And leaves the connection open for the next request."""
    values = ramp(1100)
    with HttpClient(app.url) as wire:
        for _ in range(2):
            response = wire.ask(post(as_float32(values), RAW, target="/predict/stream?stride=100"))
            assert response.status == 200
            assert response.body.count(b"\n") == 8
        assert wire.ask(get("/livez")).status == 200


def test_more_than_all_bodies_may_hold_streams_through(app: Served) -> None:
    """MAX_BODY_BYTES and MAX_BODY_BYTES_IN_FLIGHT limit what is held, and a stream holds little."""
    values = np.resize(ramp(5000), 20 * IN_FLIGHT // 4)
    body = as_float32(values)
    with Stream(app.url, headers=RAW) as stream:
        sender = threading.Thread(target=stream.send_all, args=(body,))
        sender.start()
        check(stream.lines(), values, LENGTH)
        sender.join()


def test_a_client_that_does_not_read_stops_being_read_and_is_disconnected(app: Served) -> None:
    """What it sends stays with it: the server holds a few windows, and after a timeout nothing."""
    before = app.connections
    with Stream(app.url, "stride=1", RAW, seconds=10, receive_bytes=4096) as stream:
        assert sent_before_the_end(stream) < 3_000_000
    wait_until(lambda: app.connections <= before)


def test_a_reader_that_is_slow_gets_everything(app: Served) -> None:
    """It reads less at a time than the server could send."""
    values = ramp(3000)
    with Stream(app.url, "stride=1", RAW, receive_bytes=4096) as stream:
        sender = threading.Thread(target=stream.send_all, args=(as_float32(values),))
        sender.start()
        lines = []
        for _ in range(2501):
            lines.append(stream.line())
            if len(lines) % 100 == 0:
                time.sleep(0.005)
        check([*lines, *stream.lines()], values, 1)
        sender.join()


def test_a_sender_that_stalls_gets_an_error(app: Served) -> None:
    """With the totals, in the last line; X-Request-Timeout shortens the wait."""
    with Stream(app.url, headers=[*RAW, ("X-Request-Timeout", "0.2")]) as stream:
        stream.send(as_float32(ramp(LENGTH + 3)))
        assert stream.line()["window"] == 0
        [last] = stream.lines()
    assert (last["type"], last["status"]) == ("/problems/slow", 408)
    assert (last["windows"], last["values"]) == (1, LENGTH + 3)
    assert last["detail"] == f"no value came for 0.2 s, after {LENGTH + 3} values"


def test_a_client_that_sends_nothing_gets_a_response_of_its_own(app: Served) -> None:
    """There is no line before it, so it has the status of its problem."""
    with Stream(app.url, headers=[("X-Request-Timeout", "0.2")]) as stream:
        assert stream.content()["type"] == "/problems/slow"
        assert stream.status == 408


def test_a_client_that_closes_its_sending_side_gets_its_lines(app: Served) -> None:
    """All of them, if the body was complete; else those of complete windows, and a problem."""
    values = ramp(1700)
    with Stream(app.url, "stride=100", RAW) as stream:
        stream.send(as_float32(values))
        stream.end()
        stream.shut_down_sending()
        check(stream.lines(), values, 100)
    with Stream(app.url, "stride=100", RAW) as stream:
        stream.send(as_float32(values))
        stream.shut_down_sending()
        *lines, last = stream.lines()
    assert len(lines) == 13
    assert (last["type"], last["windows"]) == ("/problems/malformed", 13)
    assert last["detail"] == "the connection ended within the body, after 1700 values"


@pytest.mark.parametrize("is_within", [False, True])
def test_a_client_that_is_gone_leaves_nothing(app: Served, is_within: bool) -> None:
    """Reset within its body or while it waits for predictions: connection, queue and batch are free."""
    before = app.connections
    app.engine.hold()
    try:
        stream = Stream(app.url, "stride=1", RAW)
        stream.send(as_float32(ramp(600)))
        app.engine.entered.wait(10)
        if not is_within:
            stream.end()
        stream.reset()
        wait_until(lambda: app.connections <= before)
    finally:
        app.engine.release()
    wait_until(lambda: queued(app) == 0)
    check(exchange(app.url, [as_float32(ramp(600))], "stride=100", RAW), ramp(600), 100)


@pytest.fixture(scope="module")
def small(plain_artifact: Artifact) -> Iterator[Served]:
    """The same with a queue that holds eight series."""
    with served(plain_artifact, request_timeout=60.0) as running:
        yield running


def queued(app: Served) -> int:
    """Series that wait in the queue."""
    rows: int = app.app.state.versions.current._batcher.queued_rows
    return rows


def test_a_full_queue_is_waited_for(small: Served) -> None:
    """Three streams have more windows than it has room for, and all are answered."""
    values, results = ramp(2000), []
    small.engine.hold()

    def run() -> None:
        results.append(exchange(small.url, [as_float32(values)], "stride=10", RAW))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: queued(small) > 0)
    small.engine.release()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    for lines in results:
        check(lines, values, 10)


def test_a_queue_that_stays_full_ends_the_stream(small: Served) -> None:
    """With the problem that other requests get at once."""
    small.engine.hold()
    try:
        with Stream(small.url, "stride=1", [*RAW, ("X-Request-Timeout", "0.3")]) as stream:
            stream.send(as_float32(ramp(2000)))
            stream.end()
            [last] = stream.lines()
    finally:
        small.engine.release()
    assert last["type"] in {"/problems/queue-full", "/problems/deadline"}
    assert last["windows"] == 0


def test_an_invalid_value_ends_the_stream_after_the_windows_before_it(app: Served) -> None:
    """No complete window is lost, and the problem names the line."""
    body = as_lines([*ramp(1200).tolist(), "x", 1.0])
    *lines, last = exchange(app.url, [body[:20_000], body[20_000:]], "stride=100")
    assert len(lines) == last["windows"] == 8
    assert (last["type"], last["status"]) == ("/problems/contract", 422)
    assert last["violations"] == [{"pointer": "lines/1201", "message": "expected a number, got a string"}]


@pytest.mark.parametrize(
    ("query", "headers", "status", "detail"),
    [
        ("stride=0", [], 422, "stride: expected a whole number from 1, got 0"),
        ("stride=x", [], 422, "stride: expected a whole number from 1, got x"),
        ("stride=", [], 422, "stride: expected a whole number from 1, got an empty value"),
        ("stride=501", [], 422, "stride: 501 is longer than a window; send 1 to 500"),
        ("stride=1&stride=1", [], 422, "stride: given 2 times; send it once"),
        ("version=9", [], 422, "version: 9 is not loaded; loaded: 4"),
        ("abstain=true", [], 422, "abstain: this model has no label sets and cannot abstain"),
        ("", [("Content-Type", "application/json")], 415, "media type application/json is not supported"),
        ("", [("Content-Encoding", "gzip")], 415, "Content-Encoding gzip is not supported here"),
        ("", [*RAW, ("Content-Type", "a/b")], 400, "Content-Type is sent more than once"),
        ("", [("X-Request-Timeout", "0")], 422, "X-Request-Timeout: expected seconds above 0"),
    ],
)
def test_a_head_that_is_wrong_is_refused_before_the_body(
    app: Served, query: str, headers: list[tuple[str, str]], status: int, detail: str
) -> None:
    """With a response of its own."""
    with Stream(app.url, query, headers) as stream:
        assert stream.content()["detail"].startswith(detail)
        assert stream.status == status


def test_an_http_1_0_client_gets_an_error(app: Served) -> None:
    """HTTP/1.0 has no chunks, and the response has no length."""
    with HttpClient(app.url) as wire:
        request = post(b"1\n", target="/predict/stream", version="1.0")
        assert json.loads(wire.ask(request).body)["detail"].endswith("send the request as HTTP/1.1")


def test_a_stream_is_counted_under_its_last_line(app: Served) -> None:
    """A problem after the head counts as if it had been the response."""
    name = "timeseries_http_requests_total"
    fine, bad = (app.metric(name + ROUTE % status) for status in (200, 422))
    exchange(app.url, [as_lines([1.0] * 600)])
    exchange(app.url, [as_lines([1.0] * 600), b"true\n"])
    assert app.metric(name + ROUTE % 200) == fine + 1
    assert app.metric(name + ROUTE % 422) == bad + 1


def test_an_error_of_the_engine_is_the_last_line(plain_artifact: Artifact) -> None:
    """500, without its cause."""
    with served(plain_artifact) as app:
        app.engine._predict = lambda _: 1 / 0  # type: ignore[assignment,return-value]
        with Stream(app.url, headers=RAW) as stream:
            stream.send(as_float32(ramp(LENGTH)))
            [last] = stream.lines()
    assert (last["type"], last["status"], last["windows"]) == ("/problems/engine", 500, 0)


def test_a_broken_chunk_breaks_the_response(app: Served) -> None:
    """No last line comes, so the client cannot take it for complete."""
    with Stream(app.url, headers=RAW) as stream:
        stream.send(as_float32(ramp(LENGTH)))
        assert stream.line()["window"] == 0
        stream.send_raw(b"x\r\n")
        with pytest.raises(Ended):
            stream.lines()


def test_a_stream_is_traced_with_its_windows(plain_artifact: Artifact) -> None:
    """One span for the stream, with the number of its windows and the status of its last line."""
    kept = keep()

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), traces=kept.traces) as played:
            body = as_float32(ramp(1200))
            played.connect().send(post(body, RAW, target="/predict/stream?stride=100"))
            await until(lambda: len(kept.requests) == 1)
            told = attributes_of(kept.requests[0])
            assert told["http.route"] == "/predict/stream"
            assert told["http.response.status_code"] == 200
            assert told["timeseries.rows"] == 8

    play(scenario())
