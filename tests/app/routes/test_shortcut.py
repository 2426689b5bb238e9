"""`app.routes.shortcut`: the short way and the long way give the same answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from app.routes.shortcut import Shortcut
from tests.app.routes.conftest import App, series

GOOD = json.dumps({"instances": series(1.0).tolist()}).encode()


def without_shortcut(app: App) -> TestClient:
    """A client of the same app that sends its requests through the framework's router."""
    plain: Any = app.client.app
    assert isinstance(plain, FastAPI)
    layer: Any = plain.middleware_stack
    while not isinstance(layer, Shortcut):
        layer = getattr(layer, "app", None) or layer._app
    layer._method = "none"
    return app.client


def told(response: Response) -> tuple[int, dict[str, str], object]:
    """An answer without what is different each time: the request's id and how long things took."""
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    headers["server-timing"] = re.sub(r"[\d.]+", "#", headers["server-timing"])
    body = response.json()
    if "request_id" in body:
        assert body.pop("request_id") == response.headers["x-request-id"]
    return response.status_code, {**headers, "content-length": "#"}, body


@pytest.mark.parametrize(
    ("query", "headers", "body"),
    [
        ("", {}, GOOD),
        ("", {"Accept": "application/x-npy;q=0.5, application/json"}, GOOD),
        ("?abstain=false", {}, GOOD),
        ("?abstain=true", {}, GOOD),
        ("", {}, b"{"),
        ("", {}, b'{"instances": [[1]]}'),
        ("", {"Content-Type": "text/csv"}, b"1,2"),
        ("", {"Content-Encoding": "gzip"}, b"no"),
        ("", {}, b" " * 200_000),
    ],
)
def test_both_ways_give_the_same_answer(app: App, query: str, headers: dict[str, str], body: bytes) -> None:
    """Status, headers and document, of answers and of refusals, and the count under one route."""
    headers = {"Content-Type": "application/json", **headers}

    def ask() -> tuple[int, dict[str, str], object]:
        return told(app.client.post(f"/predict{query}", content=body, headers=headers))

    short = ask()
    without_shortcut(app)
    assert ask() == short
    count = f'timeseries_http_requests_total{{route="/predict",status="{short[0]}"}} 2.0'
    assert count in app.client.get("/metrics").text.splitlines()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/predict"), ("POST", "/predict/x"), ("POST", "/model")]
)
def test_other_methods_and_paths_go_on(app: App, method: str, path: str) -> None:
    """To the framework, which knows what to say of them."""
    assert app.client.request(method, path).status_code in (404, 405)
