"""Drift at a real server of two workers: merged sums, streams, swaps, keys and the log."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from app.api.middleware.api_keys import line_of
from app.contract import Artifact
from qa.harness.server import ServerProcess, running_server
from tests.support import plain_http
from tests.support.drift import add_version_with_reference, usual_series
from tests.support.trusted import LENGTH
from tests.support.versions import add_version, changes_to

NPY = {"Content-Type": "application/x-npy"}


def predict(server: ServerProcess, series: NDArray[np.float32]) -> None:
    """Send series on a new connection: any of the workers takes it."""
    body = io.BytesIO()
    np.save(body, series)
    plain_http.post(f"{server.url}/predict", content=body.getvalue(), headers=NPY).raise_for_status()


def drift(server: ServerProcess) -> dict[str, Any]:
    """What any of the workers says."""
    found: dict[str, Any] = plain_http.get(f"{server.url}/drift").raise_for_status().json()
    return found


def wait_for_series(server: ServerProcess, number: int) -> dict[str, Any]:
    """What any worker says once so many series were counted or left out: each worker counts within 0.1 s."""

    def handled() -> bool:
        figures = drift(server)["since_start"]
        return bool(figures["series"] + sum(figures["left_out"].values()) == number)

    server.wait_until(handled)
    return drift(server)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, trusted_artifact: Artifact) -> Path:
    """A folder of versions, of which the first has a reference."""
    versions = tmp_path_factory.mktemp("drift") / "versions"
    versions.mkdir()
    add_version_with_reference(versions, 1, trusted_artifact)
    return versions


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[ServerProcess]:
    """Two workers that look for versions often."""
    with running_server(ARTIFACT=str(folder), WORKERS="2", RELOAD_SECONDS="0.1", LOG_FORMAT="text") as server:
        server.wait_for_metric("timeseries_ready_workers", 2)
        yield server


@pytest.fixture
def pair(running: ServerProcess) -> ServerProcess:
    """The two workers, after a reset."""
    plain_http.post(f"{running.url}/drift/reset").raise_for_status()
    return running


def test_two_workers_count_together_and_any_of_them_tells(pair: ServerProcess) -> None:
    """Each got some of 30 connections; the sums are of all series, and the metrics say the same."""
    series = usual_series(60, 1)
    for start in range(0, 60, 2):
        predict(pair, series[start : start + 2])
    report = wait_for_series(pair, 60)
    assert [drift(pair)["since_start"] for _ in range(6)] == [report["since_start"]] * 6
    assert report["since_start"]["series"] == 60
    assert report["window"]["series"] == 60
    assert report["alarm"]["raised"] is False
    assert pair.metric('timeseries_drift_series{period="start"') == 60


def test_a_change_raises_the_alarm_and_one_worker_logs_it(pair: ServerProcess) -> None:
    """Once, within a second or two; a reset at any worker ends it for all."""
    before = pair.log.read_text().count("drift alarm")
    for seed in range(40):
        predict(pair, usual_series(5, seed, novelty=(1.2, 3)))
    pair.wait_until(lambda: drift(pair)["alarm"]["raised"])
    wait_for_series(pair, 200)
    assert pair.metric("timeseries_drift_alarm") == 1
    assert pair.log.read_text().count("drift alarm") == before + 1
    plain_http.post(f"{pair.url}/drift/reset").raise_for_status()
    assert not any(drift(pair)["alarm"]["raised"] for _ in range(6))
    assert drift(pair)["since_start"]["series"] == 0


def test_overlapping_windows_of_a_stream_are_thinned(pair: ServerProcess) -> None:
    """With a stride of a quarter of the length, each fourth window counts."""
    recording = np.random.default_rng(1).standard_normal(LENGTH * 16).astype(np.float32)
    windows = (len(recording) - LENGTH) // (LENGTH // 4) + 1
    plain_http.post(
        f"{pair.url}/predict/stream",
        params={"stride": LENGTH // 4},
        content=recording.tobytes(),
        headers={"Content-Type": "application/octet-stream"},
    ).raise_for_status()
    pair.wait_until(lambda: drift(pair)["since_start"]["series"] == windows // 4)
    # The stream's other windows are left out; those of one request, too.
    cut = np.lib.stride_tricks.sliding_window_view(recording * 2, LENGTH)[:: LENGTH // 8][:56]
    predict(pair, np.ascontiguousarray(cut))
    report = wait_for_series(pair, windows + 56)
    assert report["since_start"]["series"] == windows // 4 + 7


def test_a_series_that_is_sent_again_and_again_counts_once_for_each_worker(pair: ServerProcess) -> None:
    """A probe; but a dead sensor counts each time."""
    for _ in range(20):
        predict(pair, usual_series(1, 77))
        predict(pair, np.zeros((1, LENGTH), np.float32))
    figures = wait_for_series(pair, 40)["since_start"]
    assert 21 <= figures["series"] <= 22
    assert figures["left_out"]["repeated"] == 40 - figures["series"]


def test_a_new_version_starts_at_zero_and_an_old_one_again(
    running: ServerProcess, folder: Path, trusted_artifact: Artifact
) -> None:
    """Each is compared with its own reference; without one, the response says what to do."""
    predict(running, usual_series(10, 5))
    add_version_with_reference(folder, 2, trusted_artifact)
    running.wait_until(lambda: changes_to(running, 2) == 2)
    assert drift(running)["since_start"]["series"] == 0
    predict(running, usual_series(7, 6))
    assert wait_for_series(running, 7)["alarm"]["raised"] is False
    (folder / "SERVE").write_text("1\n")
    running.wait_until(lambda: changes_to(running, 1) == 2)
    assert drift(running)["since_start"]["series"] == 0
    (folder / "SERVE").unlink()
    add_version(folder, 3, trusted_artifact)
    running.wait_until(lambda: changes_to(running, 3) == 2)
    problem = json.loads(running.get("/drift").body)
    assert problem["type"] == "/problems/not-sealed"
    assert "tiny/3 was sealed without a reference for drift; train and seal" in problem["detail"]
    assert "Traceback" not in running.log.read_text()


def test_with_keys_a_report_and_a_reset_need_one(tmp_path: Path, folder: Path) -> None:
    """Like every route that is not public."""
    keys = tmp_path / "keys"
    keys.write_text(line_of("operator", "k" * 40) + "\n")
    with running_server(ARTIFACT=str(folder / "1"), API_KEYS_FILE=str(keys)) as server:
        for method, path, status in (("GET", "/drift", 200), ("POST", "/drift/reset", 204)):
            assert httpx.request(method, server.url + path).status_code == 401
            found = httpx.request(method, server.url + path, headers={"X-API-Key": "k" * 40})
            assert found.status_code == status
