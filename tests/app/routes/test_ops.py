"""Probes and metrics."""

from __future__ import annotations

import pytest

from tests.app.routes.conftest import App, series


@pytest.mark.parametrize("probe", ["/livez", "/readyz", "/startupz"])
def test_a_ready_service_says_yes(app: App, probe: str) -> None:
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
    assert {
        'timeseries_http_requests_total{route="/predict",status="200"} 1.0',
        'timeseries_http_requests_total{route="/predict",status="400"} 1.0',
        'timeseries_http_requests_total{route="other",status="404"} 1.0',
        'timeseries_predictions_total{label="-1",version="2"} 1.0',
        'timeseries_predictions_total{label="1",version="2"} 2.0',
        "timeseries_ready_workers 1.0",
    } <= lines
    assert "chose" not in response.text
