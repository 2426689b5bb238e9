"""`app.api.answer_headers`: the headers that the OpenAPI document tells are those that come."""

from __future__ import annotations

import re

import pytest

from app import errors
from app.api.answer_headers import EVERY, RETRY
from app.api.problems import KINDS, responses
from tests.app.conftest import App, series


def test_every_documented_answer_has_its_headers(app: App) -> None:
    """Each status of each route tells the id that the answer bears."""
    for path, operations in app.client.get("/openapi.json").json()["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                assert set(EVERY) <= set(answer.get("headers", ())), (path, status)


@pytest.mark.parametrize("path", ["/model", "/livez", "/readyz", "/startupz", "/metrics"])
def test_the_headers_come(app: App, path: str) -> None:
    """As the document describes them."""
    _hold(app.client.get(path).headers)


def test_the_headers_come_with_answers_and_refusals(app: App) -> None:
    """Of the model, too."""
    for body in ({"instances": series(1.0).tolist()}, {}):
        _hold(app.client.post("/predict", json=body).headers)


def test_what_may_be_tried_again_says_when() -> None:
    """These three refusals, and no other."""
    for error in KINDS:
        (answer,) = responses(error).values()
        told = answer["headers"]
        assert isinstance(told, dict)
        assert (set(RETRY) <= set(told)) == (
            error in (errors.QueueFull, errors.BodyBudgetFull, errors.NotReady)
        )


def _hold(headers: object) -> None:
    assert re.search(EVERY["X-Request-Id"]["schema"]["pattern"], headers["x-request-id"])  # type: ignore[index]
    assert headers["server-timing"]  # type: ignore[index]
