"""Streams through the real HAProxy: as they arrive, both ways, and without loss of protection elsewhere."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from app.contract import Artifact
from qa.harness.balancer import start_balancer
from qa.harness.messages import head
from qa.harness.server import ServerProcess, running_server
from tests.app.api.stream.streaming import BINARY, Ended, Stream, as_float32, exchange
from tests.deploy.conftest import Balance, Fleet
from tests.deploy.upstream import Upstream
from tests.deploy.wire import exchange as exchange_once
from tests.deploy.wire import problem

RAW = [("Content-Type", BINARY)]


@pytest.fixture
def recording(artifact: Artifact) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A recording of golden series."""
    return artifact.golden.series.ravel()


def test_a_window_is_answered_while_the_body_is_sent(
    fleet: Fleet, recording: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    """Neither the body nor the response is held back, however little of either there is."""
    with Stream(fleet.balancer.url, headers=RAW) as stream:
        for number in range(5):
            stream.send(as_float32(recording[number * 500 : (number + 1) * 500]))
            assert stream.line()["window"] == number
        stream.end()
        assert stream.lines()[-1]["windows"] == 5


def test_a_long_stream_loses_no_window(
    fleet: Fleet, recording: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    """More than fits in all buffers of both sides, sent and read at once."""
    values = np.resize(recording, 3_000_000)
    with Stream(fleet.balancer.url, "stride=100", RAW, seconds=60) as stream:
        sender = threading.Thread(target=stream.send_all, args=(as_float32(values),))
        sender.start()
        *lines, last = stream.lines()
        sender.join()
    assert last["windows"] == len(lines) == (len(values) - 500) // 100 + 1
    assert [line["window"] for line in lines] == list(range(len(lines)))


def test_a_stream_may_be_slower_than_a_request(
    haproxy: str, fleet: Fleet, quick_config: Path, tmp_path: Path
) -> None:
    """The timeout of requests, a second here, ends neither its head nor its body once the head is there."""
    addresses = [replica.address for replica in fleet.replicas.values()]
    balancer = start_balancer(haproxy, replicas=addresses, log=tmp_path / "log", config=quick_config)
    try:
        balancer.wait_until_ready()
        with Stream(balancer.url, headers=RAW) as stream:
            for _ in range(3):
                threading.Event().wait(0.6)
                stream.send(as_float32(np.ones(10)))
            stream.end()
            assert stream.lines()[-1]["values"] == 30
    finally:
        balancer.kill()


def test_other_requests_keep_their_protection(balance: Balance, quick_config: Path) -> None:
    """A body that does not arrive reaches no replica, and the head of a stream has its timeout."""
    with Upstream() as upstream:
        port = balance(upstream, config=quick_config).port
        waiting = head("POST", "/predict", [("Content-Length", "9")]) + b"{}"
        assert problem(exchange_once(port, waiting), status=408)
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"POST /predict/stream HTTP/1.1\r\nHost: x\r\n")
            assert b"200" not in client.recv(65536)
        assert not upstream.heads


@pytest.mark.parametrize("path", ["/predict/streams", "/predict/stream/", "//predict/stream", "/predict"])
def test_only_the_route_of_streams_is_passed_through(balance: Balance, quick_config: Path, path: str) -> None:
    """No other path gets around the buffer."""
    with Upstream() as upstream:
        waiting = head("POST", path, [("Content-Length", "9")]) + b"{}"
        port = balance(upstream, config=quick_config).port
        assert problem(exchange_once(port, waiting), status=408)
        assert not upstream.heads


def test_a_client_that_is_gone_frees_its_replica(
    fleet: Fleet, recording: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    """A reset within the body ends the request there, too."""
    stream = Stream(fleet.balancer.url, headers=RAW)
    stream.send(as_float32(recording[:600]))
    assert stream.line()["window"] == 0
    name = 'timeseries_http_requests_total{protocol="native",route="/predict/stream",status="400"}'
    before = sum(replica.metric(name) for replica in fleet.replicas.values())
    stream.reset()
    one = next(iter(fleet.replicas.values()))
    one.wait_until(lambda: sum(each.metric(name) for each in fleet.replicas.values()) == before + 1)


def test_a_killed_replica_leaves_no_last_line(
    haproxy: str, recording: np.ndarray[tuple[int, ...], np.dtype[np.float32]], tmp_path: Path
) -> None:
    """The client sees that the response is not complete, and no window is answered twice."""
    with running_server(WORKERS="1", ENGINE="openvino") as replica:
        balancer: ServerProcess = start_balancer(haproxy, replicas=[replica.address], log=tmp_path / "log")
        try:
            balancer.wait_until_ready()
            with Stream(balancer.url, headers=RAW) as stream:
                stream.send(as_float32(recording[:1000]))
                assert [stream.line()["window"] for _ in range(2)] == [0, 1]
                replica.kill()
                with pytest.raises(Ended):
                    stream.lines()
        finally:
            balancer.kill()


def test_the_queue_of_the_balancer_is_not_needed(fleet: Fleet) -> None:
    """A stream without a complete window has a last line alone."""
    assert exchange(fleet.balancer.url, [as_float32(np.ones(3))], headers=RAW)[-1]["unused_values"] == 3
