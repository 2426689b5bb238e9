"""Recordings against a real server: three ways to the same predictions, real clients, keys and shutdown."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.api.middleware.api_keys import line_of
from app.client import Client
from app.contract import Artifact
from app.series.windows import cut_windows, window_count
from qa.harness.proc import memory
from qa.harness.process import wait_until
from qa.harness.server import ServerProcess, running_server
from tests.app.api.stream.streaming import BINARY, Stream, as_float32, as_lines, exchange
from tests.support import plain_http
from tests.support.versions import add_version

RAW = [("Content-Type", BINARY)]
NPY = {"Content-Type": "application/x-npy"}


def predictions(server: ServerProcess, windows: NDArray[Any]) -> list[dict[str, Any]]:
    """What `POST /predict` has for these windows."""
    body = io.BytesIO()
    np.save(body, windows)
    response = plain_http.post(
        f"{server.url}/predict", content=body.getvalue(), headers=NPY
    ).raise_for_status()
    found: list[dict[str, Any]] = response.json()["predictions"]
    return found


def assert_same(one: dict[str, Any], other: dict[str, Any], *, tolerance: float) -> None:
    """Two predictions for one window. Sums in batches of other sizes may differ in the last digits."""
    assert one["label"] == other["label"]
    assert one["label_set"] == other["label_set"]
    assert one["warnings"] == other["warnings"]
    assert one["probabilities"] == pytest.approx(other["probabilities"], abs=tolerance)
    assert one["ood_score"] == pytest.approx(other["ood_score"], abs=0.001)


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_stream_windows_and_single_predictions_agree(
    server: ServerProcess, artifact: Artifact, data: st.DataObject
) -> None:
    """To the last digit: for any stride, pieces and dtype, with large offsets and coarse values."""
    spec = artifact.contract.input.spec
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    golden = artifact.golden.series.astype(np.float64)
    parts = golden[random.integers(0, len(golden), data.draw(st.integers(1, 4)))].ravel()
    offset = data.draw(st.sampled_from([0.0, 5.0, 101_325.0, -1e9]))
    recording = parts[: data.draw(st.integers(1, len(parts)))] + offset
    if is_raw := data.draw(st.booleans()):
        recording = recording.astype(np.float32)
    stride = data.draw(st.integers(20, spec.length))
    body = as_float32(recording) if is_raw else as_lines(recording.tolist())
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[start:end] for start, end in pairwise([0, *cuts, len(body)])]

    *streamed, last = exchange(server.url, pieces, f"stride={stride}", RAW if is_raw else [])
    count = window_count(len(recording), spec.length, stride)
    assert last["windows"] == len(streamed) == count
    assert last["values"] == len(recording)
    if not count:
        return
    batches = list(cut_windows(recording, spec, stride=stride, max_windows=7))
    in_batches = [found for batch in batches for found in predictions(server, batch.windows)]
    with Client(server.url) as client:
        of_client = client.predict_windows(np.array_split(recording, 3), stride=stride)
    assert of_client.starts.tolist() == [number * stride for number in range(count)]
    alone = [
        predictions(server, recording[np.newaxis, start : start + spec.length])[0]
        for start in range(0, count * stride, stride)
    ]
    places = [{"window": line.pop("window"), "start": line.pop("start")} for line in streamed]
    assert places == [{"window": number, "start": number * stride} for number in range(count)]
    for found in (in_batches, alone, [each.model_dump() for each in of_client.predictions]):
        for one, other in zip(streamed, found, strict=True):
            assert_same(one, other, tolerance=artifact.contract.output.tolerance)


def recording_of(artifact: Artifact, steps: int) -> NDArray[np.float32]:
    """Golden series, one after the other."""
    return np.resize(artifact.golden.series.ravel(), steps)


def test_curl_gets_a_line_for_every_window(server: ServerProcess, artifact: Artifact) -> None:
    """From a pipe of any length, as raw values and as lines."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    values = recording_of(artifact, 150_000)
    for media_type, body in (
        (BINARY, as_float32(values)),
        ("application/x-ndjson", as_lines(values.tolist())),
    ):
        command = [curl, "-sSN", "-X", "POST", "-T", "-", "-H", f"Content-Type: {media_type}"]
        done = subprocess.run(
            [*command, f"{server.url}/predict/stream?stride=100"], input=body, capture_output=True, check=True
        )
        *lines, last = [json.loads(line) for line in done.stdout.splitlines()]
        assert [line["window"] for line in lines] == list(range(window_count(150_000, 500, 100)))
        assert last["values"] == 150_000


def test_httpx_gets_a_line_for_every_window_of_a_small_recording(
    server: ServerProcess, artifact: Artifact
) -> None:
    """It reads nothing while it sends, so both must fit into the buffers on the way."""
    values = recording_of(artifact, 20_000)
    body = as_float32(values)
    pieces = (body[start : start + 999] for start in range(0, len(body), 999))
    response = plain_http.post(f"{server.url}/predict/stream", content=pieces, headers=dict(RAW))
    *lines, last = [json.loads(line) for line in response.text.splitlines()]
    assert len(lines) == last["windows"] == 40


def test_a_long_stream_takes_no_memory(server: ServerProcess, artifact: Artifact) -> None:
    """Eight million values, 32 MB: the server's memory stays where it was after the first million."""
    body = as_float32(recording_of(artifact, 1_000_000))
    with Stream(server.url, "stride=500", RAW, seconds=120) as stream:
        for number in range(8):
            stream.send(body)
            for _ in range(2000):
                stream.line()
            if number == 0:
                before = memory(server.pid)[0]
        assert memory(server.pid)[0] < before + 16 * 1024 * 1024
        stream.end()
        assert stream.lines()[-1]["windows"] == 16_000


def test_a_stream_needs_a_key_where_keys_are_needed(artifact: Artifact, tmp_path: Path) -> None:
    """As every other route; it is checked once, at the start."""
    keys = tmp_path / "keys"
    keys.write_text(line_of("device", "secret") + "\n")
    with running_server(API_KEYS_FILE=str(keys), ACCESS_LOG="true") as server:
        with Stream(server.url, headers=RAW) as stream:
            assert stream.content()["type"] == "/problems/unauthorized"
            assert stream.status == 401
        body = [as_float32(recording_of(artifact, 1000))]
        lines = exchange(server.url, body, headers=[*RAW, ("X-API-Key", "secret")])
        assert lines[-1]["windows"] == 2
        server.wait_for_log("POST /predict/stream 200")


def test_a_shutdown_ends_streams_with_a_line(artifact: Artifact) -> None:
    """After the windows that were complete; the process ends with 0, and new streams are refused."""
    values = as_float32(recording_of(artifact, 1300))
    with running_server(DRAIN_DELAY="1") as server:
        with Stream(server.url, headers=RAW) as stream:
            stream.send(values)
            assert [stream.line()["window"] for _ in range(2)] == [0, 1]
            server.process.send_signal(signal.SIGTERM)
            [last] = stream.lines()
        assert (last["type"], last["status"]) == ("/problems/not-ready", 503)
        assert (last["windows"], last["values"]) == (2, 1300)
        with Stream(server.url, headers=RAW) as stream:
            assert stream.content()["detail"].startswith("the server shuts down")
        assert server.wait() == 0


def test_a_stream_keeps_its_version(artifact: Artifact, tmp_path: Path) -> None:
    """While it is loaded; when it is unloaded, the stream ends with a line that says so."""
    add_version(tmp_path, 1, artifact)
    body = as_float32(recording_of(artifact, 500))
    with (
        running_server(ARTIFACT=str(tmp_path), RELOAD_SECONDS="0.05", KEEP_VERSIONS="2") as server,
        Stream(server.url, headers=RAW) as stream,
    ):
        stream.send(body)
        assert stream.line()["window"] == 0
        add_version(tmp_path, 2, artifact)
        wait_until(lambda: _loaded(server) == [2, 1])
        stream.send(body)
        assert stream.line()["window"] == 1
        add_version(tmp_path, 3, artifact)
        wait_until(lambda: _loaded(server) == [3, 2])
        stream.send(body)
        [last] = stream.lines()
    assert last["type"] == "/problems/not-ready"
    assert last["detail"] == "version 1 was unloaded while the stream was on it; start a new stream"
    assert last["windows"] == 2


def _loaded(server: ServerProcess) -> list[int]:
    loaded: list[int] = plain_http.get(f"{server.url}/model").json()["loaded"]
    return loaded
