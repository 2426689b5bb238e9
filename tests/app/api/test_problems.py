"""`app.api.problems`: every exception has one status, and nothing leaks."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor

import pytest

from app import errors
from app.api.problem_kinds import ALL_KINDS, INTERNAL, KINDS, Kind
from app.api.problems import kind_of
from tests.app.conftest import App, series


def test_every_error_of_a_request_has_a_kind() -> None:
    """No leaf of the tree that a request can meet falls through to 500 by accident."""
    met = (errors.Unauthorized, errors.PayloadError, errors.BatchingError, errors.EngineError)
    leaves = {
        error
        for _, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, met) and not error.__subclasses__()
    }
    assert leaves == set(KINDS)


def test_an_error_that_is_not_in_the_table_is_internal() -> None:
    """An artifact's failure is the operator's business, not the client's."""
    assert kind_of(errors.ArtifactError("x")) is INTERNAL


@pytest.mark.parametrize("kind", ALL_KINDS, ids=lambda kind: kind.slug)
def test_a_problem_type_can_be_looked_up(app: App, kind: Kind) -> None:
    """The `type` of a problem document is an address that this server answers."""
    answer = app.client.get(kind.type).json()
    assert answer["title"] == kind.title
    assert answer["remedy"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/predict", 405), ("GET", "/problems/x", 404)],
)
def test_what_the_framework_refuses_is_a_problem_too(app: App, method: str, path: str, status: int) -> None:
    """Clients parse one kind of error."""
    response = app.client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    if status == 405:
        assert response.headers["allow"] == "POST"


def test_an_engine_that_fails_is_a_500_without_a_trace(app: App) -> None:
    """The client learns that the engine failed; what it said stays in the log."""

    def fail(_: object) -> None:
        raise RuntimeError("secret path /etc/x")

    app.engine._predict = fail  # type: ignore[assignment]
    response = app.client.post("/predict", json={"instances": series(1.0).tolist()})
    assert response.status_code == 500
    assert response.json()["type"] == "/problems/engine"
    assert "secret" not in response.text


def test_an_unexpected_error_is_a_500_with_nothing_but_its_id(app: App) -> None:
    """A bug in the server leaks nothing and is found in the log by its request id."""
    app.service.admit = None  # type: ignore[assignment, method-assign]
    response = app.client.post("/predict", json={"instances": series(1.0).tolist()})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert "NoneType" not in response.text


def test_a_full_queue_is_a_429_with_retry_after(app: App) -> None:
    """Refused at once, with a time after which there is likely to be room."""
    app.engine.hold()
    body = {"instances": series(*[1.0] * 8).tolist()}
    with ThreadPoolExecutor() as pool:
        running = pool.submit(app.client.post, "/predict", json=body)
        assert app.engine.entered.wait(timeout=60)
        waiting = pool.submit(app.client.post, "/predict", json=body)
        while app.service._batcher.queued_rows < 8:
            pass
        refused = app.client.post("/predict", json=body)
        app.engine.release()
        assert [running.result().status_code, waiting.result().status_code] == [200, 200]
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["type"] == "/problems/queue-full"
