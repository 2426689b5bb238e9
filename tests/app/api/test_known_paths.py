"""Paths that are nearly a route's get 404 with a hint, and no redirect names a scheme or a host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.known_paths import normalized
from app.contract import Artifact
from tests.app.conftest import App, running_app, series

FILES = "/static-offline-docs"
NEARLY = {
    "/predict/": "/predict",
    "/predict//": "/predict",
    "//predict": "/predict",
    "/model/": "/model",
    "/livez/": "/livez",
    "///readyz///": "/readyz",
    "/startupz/": "/startupz",
    "/metrics/": "/metrics",
    "/docs/": "/docs",
    "/openapi.json/": "/openapi.json",
    "//": "/",
    "/problems/contract/": "/problems/contract",
    "/problems//contract": "/problems/contract",
    "/%70redict/": "/predict",
}
UNKNOWN = [
    "/nowhere",
    "/nowhere/",
    "//nowhere",
    "/predict/x",
    "/PREDICT/",
    "/problems/nothing",
    "/problems/",
    FILES,
    f"{FILES}/",
    f"{FILES}/nothing/",
    f"//{FILES}/nothing",
]


@pytest.fixture(scope="module")
def app(plain_artifact: Artifact) -> Iterator[App]:
    """One app for all tests of this file: no request reaches its model."""
    with running_app(plain_artifact) as running:
        yield running


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(("path", "known"), NEARLY.items())
def test_a_path_that_is_nearly_a_routes_gets_a_hint(app: App, method: str, path: str, known: str) -> None:
    """And no redirect: to a proxy that speaks TLS it would be one out of TLS."""
    response = app.client.request(method, f"http://testserver{path}", follow_redirects=False)
    assert (response.status_code, response.headers.get("location")) == (404, None)
    assert response.json()["type"] == "/problems/not-found"
    assert response.json()["detail"].endswith(f": no such route; use {known}")


@pytest.mark.parametrize("path", UNKNOWN)
def test_where_there_is_nothing_there_is_no_hint(app: App, path: str) -> None:
    """Nor for a file that is not there."""
    response = app.client.get(f"http://testserver{path}", follow_redirects=False)
    assert (response.status_code, response.headers.get("location")) == (404, None)
    assert response.json()["detail"].endswith(": no such route")


@pytest.mark.parametrize("path", [*NEARLY, *UNKNOWN, "/", "/docs", f"{FILES}/favicon.png"])
def test_nothing_is_redirected(app: App, path: str) -> None:
    """A target would need a scheme and a host: a proxy's are not the server's own."""
    url, claimed = f"http://testserver{path}", {"Host": "other.example", "X-Forwarded-Proto": "https"}
    claimed["Accept"] = "text/html"
    response = app.client.get(url, headers=claimed, follow_redirects=False)
    assert not response.is_redirect


def test_a_slash_at_the_end_costs_no_prediction(app: App) -> None:
    """Nothing of the body is read."""
    response = app.client.post("/predict/", json={"instances": series(1.0).tolist()})
    assert response.status_code == 404
    assert app.engine.batches == []


@given(st.text(alphabet="/ab", max_size=10).map("/".__add__))
def test_a_normalized_path_has_single_slashes_and_the_same_parts(path: str) -> None:
    """Whatever it was made of."""
    found = normalized(path)
    assert found.startswith("/")
    assert "//" not in found
    assert found == "/" or not found.endswith("/")
    assert list(filter(None, found.split("/"))) == list(filter(None, path.split("/")))
