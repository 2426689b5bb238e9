"""The whole service as a real process, asked over real connections."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact
from qa.harness.http_client import HttpClient
from qa.harness.messages import as_npy, head, post
from qa.harness.proc import is_alive
from qa.harness.process import wait_until
from qa.harness.server import ServerProcess, running_server
from tests.conftest import LabelledSeries
from tests.support import plain_http

SIZES = (1, 2, 3, 5, 8, 13, 32, 64, 100)
CONNECTIONS = 16


def ask(client: httpx.Client, series: NDArray[np.float32], *, binary: bool) -> NDArray[np.float32]:
    """Probabilities `float32[n, classes]` of series, by JSON or npy; alternating tells that both agree."""
    if not binary:
        body = {"instances": series.astype(float).tolist()}
        answer = client.post("/predict", json=body).raise_for_status().json()
        rows = [list(prediction["probabilities"].values()) for prediction in answer["predictions"]]
        return np.array(rows, np.float32)
    headers = {"Content-Type": "application/x-npy", "Accept": "application/x-npy"}
    response = client.post("/predict", content=as_npy(series), headers=headers).raise_for_status()
    array: NDArray[np.float32] = np.load(io.BytesIO(response.content))
    return array


def in_mixed_sizes(count: int) -> Iterator[slice]:
    """Slices of mixed sizes that cover `count` rows."""
    start = 0
    for size in cycle(SIZES):
        if start >= count:
            return
        yield slice(start, min(start + size, count))
        start += size


def test_the_test_set_in_mixed_requests_gives_the_cards_accuracy(
    server: ServerProcess, artifact: Artifact, forda_test: LabelledSeries
) -> None:
    """All 1,320 series over many connections: the stated accuracy, and answers as if each came alone."""
    series = forda_test.series
    limits = httpx.Limits(max_connections=CONNECTIONS)
    with (
        plain_http.client(base_url=server.url, timeout=60, limits=limits) as client,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        mixed = [
            pool.submit(ask, client, series[part], binary=bool(i % 2))
            for i, part in enumerate(in_mixed_sizes(len(series)))
        ]
        single = [pool.submit(ask, client, series[i : i + 1], binary=True) for i in range(len(series))]
        together = np.concatenate([job.result() for job in mixed])
        alone = np.concatenate([job.result() for job in single])
    np.testing.assert_allclose(together, alone, rtol=0, atol=artifact.contract.output.tolerance)
    names = np.array([label.name for label in artifact.contract.labels])
    accuracy = float(np.mean(names[together.argmax(axis=1)] == forda_test.labels))
    assert accuracy == pytest.approx(artifact.contract.metrics["accuracy"], abs=0.5 / len(series))


def test_many_large_requests_at_once_are_all_answered(forda_test: LabelledSeries) -> None:
    """By default the queue holds them, 8,192 series; how long that may take depends on the machine."""
    request = post(
        as_npy(forda_test.series[:256]),
        [("Content-Type", "application/x-npy"), ("Accept", "application/x-npy")],
    )

    def ask_again_and_again(_: int) -> list[int]:
        with HttpClient(server.url) as wire:
            return [wire.ask(request).status for _ in range(2)]

    with (
        running_server(MAX_QUEUE_SECONDS="60", REQUEST_TIMEOUT="60") as server,
        ThreadPoolExecutor(32) as pool,
    ):
        statuses = [status for each in pool.map(ask_again_and_again, range(32)) for status in each]
    assert statuses == [200] * 64


def test_a_client_that_disconnects_affects_no_other(artifact: Artifact) -> None:
    """Disconnects within a request are counted; the server serves on."""
    with running_server() as server, plain_http.client(base_url=server.url) as client:
        for _ in range(20):
            with HttpClient(server.url) as connection:
                connection.send(head("POST", "/predict", [("Content-Length", "6000")]) + b"{")
        of_requests = 'protocol="native",route="/predict",status="400"'
        server.wait_for_metric(f"timeseries_http_requests_total{{{of_requests}}}", 20)
        answer = ask(client, artifact.golden.series[:1], binary=False)
        tolerance = artifact.contract.output.tolerance
        np.testing.assert_allclose(answer, artifact.golden.probabilities[:1], rtol=0, atol=tolerance)
        assert "Traceback" not in server.log.read_text()


def test_a_stop_signal_turns_readiness_off_and_loses_nothing(artifact: Artifact) -> None:
    """While it drains, it is not ready and serves new connections; then it ends with exit code 0."""
    series = artifact.golden.series[:4]

    def ask_once(_: int) -> NDArray[np.float32]:
        with plain_http.client(base_url=server.url, timeout=30) as client:
            return ask(client, series, binary=True)

    with running_server(DRAIN_DELAY="600") as server, ThreadPoolExecutor(8) as pool:
        before = pool.map(ask_once, range(50))
        server.process.send_signal(signal.SIGTERM)
        while (probe := plain_http.get(f"{server.url}/readyz")).status_code == 200:
            pass
        assert probe.json()["reasons"] == ["the service is draining"]
        assert plain_http.get(f"{server.url}/livez").status_code == 200
        answers = [*before, *pool.map(ask_once, range(50))]
        # A second signal cuts the delay short: an operator in a hurry does not wait ten minutes.
        assert server.stop() == 0
    tolerance = artifact.contract.output.tolerance
    for answer in answers:
        np.testing.assert_allclose(answer, artifact.golden.probabilities[:4], rtol=0, atol=tolerance)


def test_several_workers_answer_and_count_together(artifact: Artifact) -> None:
    """Two processes share the port; `/metrics` counts both, on either process."""
    with running_server(WORKERS="2") as server:
        for _ in range(20):
            with plain_http.client(base_url=server.url) as client:
                ask(client, artifact.golden.series[:1], binary=True)
        server.wait_for_metric("timeseries_admitted_series_total", 20)  # counts arrive within 20 ms
        for _ in range(5):
            assert "timeseries_admitted_series_total 20.0" in plain_http.get(f"{server.url}/metrics").text
        assert server.stop() == 0


def test_a_killed_worker_costs_no_request_but_its_own(artifact: Artifact, tmp_path: Path) -> None:
    """Kill -9 under load: those in flight on it are lost, nobody meets its replacement before that is ready.

    And when the supervisor is killed, its workers end too, as if they were asked to; the next server deletes
    the folder that it left.
    """
    series = artifact.golden.series[:1]
    ended = threading.Event()
    lost: list[str] = []
    answers: list[int] = []

    def ask_again_and_again(_: int) -> None:
        while not ended.is_set():
            with plain_http.client(base_url=server.url, timeout=30) as client:
                try:
                    answers.append(len(ask(client, series, binary=True)))
                except httpx.HTTPError as error:
                    lost.append(str(error))
            time.sleep(0.01)

    with (
        running_server(WORKERS="2", WORKER_TIMEOUT="20", TMPDIR=str(tmp_path)) as server,
        ThreadPoolExecutor(4) as pool,
    ):
        server.wait_for_metric("timeseries_ready_workers", 2)
        load = pool.map(ask_again_and_again, range(4))
        try:
            victim, other = workers_that_were_ready(server, 2)
            os.kill(victim, signal.SIGKILL)
            server.wait_for_metric('timeseries_worker_restarts_total{reason="crashed"}', 1)
            *_, replacement = workers_that_were_ready(server, 3)
            before = len(answers)
            while len(answers) < before + 50:
                time.sleep(0.01)
        finally:
            ended.set()
        list(load)
        assert len(lost) <= 4, lost
        server.wait_for_metric("timeseries_ready_workers", 2)
        server.wait_for_metric('timeseries_worker_restarts_total{reason="hung"}', 0)
        server.process.kill()
        for pid in (other, replacement):
            server.wait_for_log(rf"Finished server process \[{pid}\]")
        wait_until(lambda: not is_alive(other) and not is_alive(replacement))
    (left,) = tmp_path.glob("metrics-*")
    with running_server(wait=False, WORKERS="2", TMPDIR=str(tmp_path)) as server:
        server.wait_for_log(f"{left}: deleted; a killed server had left it")
        assert not left.exists()


def workers_that_were_ready(server: ServerProcess, count: int) -> list[int]:
    """The processes that the supervisor has called ready, in this order, once they are so many."""
    return [int(pid) for pid in server.wait_for_log(r"\(pid (\d+)\) is ready", times=count)]


@pytest.mark.parametrize("pause", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_a_stop_signal_while_starting_is_obeyed(pause: float) -> None:
    """At any moment of the start, all processes end."""
    with running_server(wait=False) as server:
        time.sleep(pause)
        assert server.stop() in (0, -signal.SIGTERM)
