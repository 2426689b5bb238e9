"""Real servers whose artifact is in a real object store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from app.contract import Artifact, open_artifact
from app.registry import choose, publish
from app.store import Store, open_store
from qa.harness.server import free_port, running_server
from tests.app.cli.test_commands import run
from tests.conftest import ROOT
from tests.support.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.object_stores import ObjectStoreServer
from tests.support.versions import add_version, changes_to

CHECKED = "timeseries_artifact_check_timestamp_seconds"


@pytest.fixture(scope="module")
def small() -> Artifact:
    """A version of 1 MB."""
    return open_artifact(ROOT / "model_artifacts" / "forda" / "1")


class Stored(NamedTuple):
    """An empty folder of a store: its URL, the store itself, and the address by which servers use it."""

    url: str
    store: Store
    proxy: FaultyProxy


@pytest.fixture
def stored(seaweed: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    """Servers of this test use the proxy; the test uses the store."""
    with faulty_proxy(seaweed.process.port) as proxy:
        for name, value in seaweed.environment.items():
            monkeypatch.setenv(name, value)
        url = seaweed.folder()
        store = open_store(url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield Stored(url, store, proxy)


def test_workers_follow_a_store_and_outlive_it(stored: Stored, small: Artifact, tmp_path: Path) -> None:
    """A version is fetched once, served, pinned or refused as in a folder; without the store all goes on."""
    url, store, proxy = stored
    body, cache = {"instances": small.golden.series[:1].tolist()}, str(tmp_path / "cache")
    publish(add_version(tmp_path, 1, small), store)
    with running_server(WORKERS="2", ARTIFACT=url, ARTIFACT_CACHE=cache, RELOAD_SECONDS="0.2") as server:
        publish(add_version(tmp_path, 2, small), store)
        server.wait_until(lambda: changes_to(server, 2) == 2)
        assert server.output.count("fetched s3://") == 2  # one for each version, not for each worker
        choose(store, 2)
        publish(add_version(tmp_path, 3, small), store)
        store.overwrite("3/model.keras", b"wrong")
        choose(store, None)
        server.wait_until(lambda: server.metric('timeseries_refused_versions_total{version="3"}') == 2)
        choose(store, 1)
        server.wait_until(lambda: changes_to(server, 1) == 2)
        proxy.close()
        server.wait_until(lambda: server.output.count("cannot check for new versions: s3://") == 2)
        answer = httpx.post(f"{server.url}/predict", json=body).raise_for_status().json()
        assert answer["version"] == 1
        assert time.time() - server.metric(CHECKED) < 600
        assert server.stop() == 0
        assert "Traceback" not in server.output
    with running_server(ARTIFACT=url, ARTIFACT_CACHE=cache) as server:
        assert "; starting with version 1 of the cache" in server.output
        answer = httpx.post(f"{server.url}/predict", json=body).raise_for_status().json()
        assert answer["version"] == 1


def test_a_signal_ends_a_start_that_waits_for_a_store(stored: Stored, tmp_path: Path) -> None:
    """The store accepts connections and does not answer."""
    stored.proxy.is_silent = True
    with running_server(wait=False, ARTIFACT=stored.url, ARTIFACT_CACHE=str(tmp_path)) as server:
        server.wait_until(lambda: stored.proxy.connections > 0, "connected to the store")
        server.process.terminate()
        assert server.process.wait(timeout=60) == 0
        assert "Traceback" not in server.output


def test_a_start_without_store_and_cache_ends_with_one_line(tmp_path: Path) -> None:
    """It says what cannot be reached, and why."""
    url = f"http://127.0.0.1:{free_port()}/x"
    done = run("serve", ARTIFACT=url, ARTIFACT_CACHE=str(tmp_path / "cache"), PORT="0")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{url}/contract.json: cannot be reached or fails (connection refused); ")
    assert len(done.stderr.splitlines()) == 1
