"""`app.api.routes.drift`: what is missing, and who may reset."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from fastapi import Request

from app.api.routes.drift import RESET, _is_local
from tests.app.conftest import App


def test_a_model_without_a_reference_says_how_to_get_one(app: App) -> None:
    """It is served as before; the metrics have nothing of drift."""
    response = app.client.get("/drift")
    assert response.status_code == 501
    assert "train and seal the model again" in response.json()["detail"]
    assert "timeseries_drift" not in app.client.get("/metrics").text


def test_another_machine_may_not_reset_without_a_key(app: App) -> None:
    """The test's client has no address of this machine."""
    response = app.client.post(RESET)
    assert response.status_code == 403
    assert response.json()["type"] == "/problems/forbidden"
    assert "API_KEYS_FILE" in response.json()["detail"]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("unix:", False),
        (None, False),
    ],
)
def test_what_counts_as_this_machine(host: str | None, local: bool) -> None:
    """Loopback addresses; not what cannot be read."""
    client = None if host is None else SimpleNamespace(host=host)
    assert _is_local(cast("Request", SimpleNamespace(client=client))) is local
