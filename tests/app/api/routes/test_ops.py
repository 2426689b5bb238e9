"""Probes and metrics."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from app.contract import Artifact
from app.inference.batching.observer import NullObserver
from app.inference.service import Service
from app.settings import Settings
from tests.app.conftest import App, ready_client, series
from tests.support.fakes import FakeEngine


@pytest.mark.parametrize("probe", ["/livez", "/readyz", "/startupz"])
def test_a_ready_service_answers_200(app: App, probe: str) -> None:
    """All three probes are content, and name the model."""
    response = app.client.get(probe)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "ok": True,
        "state": "ready",
        "model": "forda",
        "version": app.service.contract.version,
        "reasons": [],
    }


def test_a_draining_service_is_alive_and_not_ready(app: App) -> None:
    """Balancers turn away, orchestrators do not kill."""
    app.service.drain()
    assert app.client.get("/livez").status_code == 200
    assert app.client.get("/startupz").status_code == 200
    response = app.client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["reasons"] == ["the service is draining"]


def test_metrics_count_what_happened(app: App) -> None:
    """Requests, series, batches and labels, each under its name."""
    app.client.post("/predict", json={"instances": series(-1.0, 1.0, 2.0).tolist()})
    app.client.post("/predict", content=b"{", headers={"Content-Type": "application/json"})
    app.client.get("/some/path/that/a/caller/chose")
    response = app.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = set(response.text.splitlines())
    version = f'version="{app.service.contract.version}"'
    assert {
        'timeseries_http_requests_total{protocol="native",route="/predict",status="200"} 1.0',
        'timeseries_http_requests_total{protocol="native",route="/predict",status="400"} 1.0',
        'timeseries_http_requests_total{protocol="native",route="other",status="404"} 1.0',
        f'timeseries_predictions_total{{label="-1",{version}}} 1.0',
        f'timeseries_predictions_total{{label="1",{version}}} 2.0',
        "timeseries_ready_workers 1.0",
    } <= lines
    assert "chose" not in response.text


def what_it_says(client: TestClient) -> tuple[int, int, bool]:
    """`/livez`, `/readyz`, and whether the gauge counts the worker as ready."""
    is_counted = "timeseries_ready_workers 1.0" in client.get("/metrics").text.splitlines()
    return client.get("/livez").status_code, client.get("/readyz").status_code, is_counted


def test_probes_and_gauge_agree_while_the_engine_hangs(plain_artifact: Artifact) -> None:
    """Neither alive nor ready nor counted as such, until it comes back."""
    engine = FakeEngine()
    service = Service(plain_artifact, lambda: engine, stall_timeout=0.2)
    with ready_client(service, Settings()) as client, ThreadPoolExecutor(1) as pool:
        assert what_it_says(client) == (200, 200, True)
        engine.hold()
        caller = pool.submit(client.post, "/predict", json={"instances": series(1.0).tolist()})
        engine.entered.wait(60)
        while service.status().alive:
            pass
        assert what_it_says(client) == (503, 503, False)
        engine.release()
        assert caller.result().status_code == 200
        assert what_it_says(client) == (200, 200, True)


def test_probes_and_gauge_agree_once_the_batcher_is_broken(plain_artifact: Artifact) -> None:
    """For good: it wants a restart."""

    class Breaking(NullObserver):
        def queued(self, **_: object) -> None:
            raise RuntimeError("the observer is broken")

    service = Service(plain_artifact, FakeEngine, observer=Breaking())
    with ready_client(service, Settings()) as client:
        assert what_it_says(client) == (200, 200, True)
        assert client.post("/predict", json={"instances": series(1.0).tolist()}).status_code == 503
        assert what_it_says(client) == (503, 503, False)


def test_a_draining_service_is_not_counted_as_ready(app: App) -> None:
    """Alive, and nothing more is to be sent to it."""
    app.service.drain()
    assert what_it_says(app.client) == (200, 503, False)
