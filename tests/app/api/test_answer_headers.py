"""`app.api.headers.complete`: which headers every answer has, and what the OpenAPI document tells of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from app import errors
from app.api.headers import COMMON_HEADERS, RETRY_HEADERS, complete
from app.api.problem_kinds import KINDS
from app.api.problems import responses
from app.contract import Artifact
from qa.harness.http_client import HttpClient
from qa.harness.messages import Response, as_json, get, post
from tests.app.api.served import Served, served
from tests.app.conftest import App, series


def test_every_documented_answer_has_its_headers(app: App) -> None:
    """Each status of each route tells the id that the answer bears."""
    for path, operations in app.client.get("/openapi.json").json()["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                assert set(COMMON_HEADERS) <= set(answer.get("headers", ())), (path, status)


@pytest.mark.parametrize("path", ["/model", "/livez", "/readyz", "/startupz", "/metrics"])
def test_the_headers_come(app: App, path: str) -> None:
    """As the document describes them."""
    _hold(app.client.get(path).headers)


def test_the_headers_come_with_answers_and_refusals(app: App) -> None:
    """Of the model, too."""
    for body in ({"instances": series(1.0).tolist()}, {}):
        _hold(app.client.post("/predict", json=body).headers)


def test_refusals_that_may_pass_have_retry_after() -> None:
    """These three refusals, and no other."""
    for error in KINDS:
        (answer,) = responses(error).values()
        told = answer["headers"]
        assert isinstance(told, dict)
        assert (set(RETRY_HEADERS) <= set(told)) == (
            error in (errors.QueueFull, errors.BodyBudgetFull, errors.NotReady)
        )


def _hold(headers: object) -> None:
    assert re.search(COMMON_HEADERS["X-Request-Id"]["schema"]["pattern"], headers["x-request-id"])  # type: ignore[index]
    assert headers["server-timing"]  # type: ignore[index]


GOOD = as_json(series(0.5))
PAGE = {"content-security-policy", "x-frame-options", "referrer-policy"}


@pytest.fixture(scope="module")
def running(plain_artifact: Artifact) -> Iterator[Served]:
    """A server."""
    with served(plain_artifact) as app:
        yield app


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post(GOOD), 200),
        (post(GOOD, target="/predict?abstain=false"), 200),
        (post(b"{"), 400),
        (post(b"{", target="/predict?abstain=false"), 400),
        (get("/model"), 200),
        (get("/livez"), 200),
        (get("/metrics"), 200),
        (get("/openapi.json"), 200),
        (get("/"), 200),
        (get("/nowhere"), 404),
        (get("*"), 404),
        (get("/predict"), 405),
        (b"hello\r\n\r\n", 400),
    ],
)
def test_every_answer_says_what_it_is_and_is_not_kept(running: Served, request_: bytes, status: int) -> None:
    """Each header once; nothing of what serves it; and nothing for pages, which it is not."""
    with HttpClient(running.url) as wire:
        answer = wire.ask(request_)
    assert answer.status == status
    assert_plain(answer)


def test_an_unexpected_response_is_no_exception(plain_artifact: Artifact) -> None:
    """Whichever way it went wrong."""
    with served(plain_artifact) as app, HttpClient(app.url) as wire:
        app.app.state.versions.current.admit = None
        for target in ("/predict", "/predict?abstain=false"):
            answer = wire.ask(post(GOOD, target=target))
            assert answer.status == 500
            assert_plain(answer)


def assert_plain(answer: Response) -> None:
    """An answer that is no page has its headers, each once."""
    headers = answer.headers
    assert headers.get_all("x-content-type-options") == ["nosniff"]
    assert headers.get_all("cache-control") == ["no-store"]
    assert not PAGE & {name.lower() for name in headers}
    assert "server" not in headers
    assert len(headers) == len({name.lower() for name in headers})


def test_the_documentations_scripts_may_be_kept(app: App) -> None:
    """They are large, and never change within a version: what is kept is asked for again by its tag."""
    first = app.client.get("/static-offline-docs/swagger-ui-bundle.js")
    assert first.headers["x-content-type-options"] == "nosniff"
    assert "cache-control" not in first.headers
    again = app.client.get(first.url.path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.headers["x-content-type-options"]) == (304, "nosniff")


def test_what_an_answer_says_itself_stays() -> None:
    """A page that needs more says so, and what may be kept for a while is."""
    own = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", b"default-src 'self'"),
        (b"cache-control", b"max-age=60"),
    ]
    headers = complete(own, request_id="a", seconds=0.5)
    assert headers[:3] == own
    assert dict(headers[3:]) == {
        b"x-content-type-options": b"nosniff",
        b"x-frame-options": b"DENY",
        b"referrer-policy": b"no-referrer",
        b"x-request-id": b"a",
        b"server-timing": b"total;dur=500.000",
    }


def test_an_answer_that_has_an_id_and_a_timing_has_each_once() -> None:
    """The request's id, and the total behind what the answer says of its time."""
    own = [(b"x-request-id", b"a"), (b"server-timing", b"parse;dur=1.000")]
    assert complete(own, request_id="a", seconds=0.002)[-2:] == [
        (b"x-request-id", b"a"),
        (b"server-timing", b"parse;dur=1.000, total;dur=2.000"),
    ]


def test_a_page_without_a_policy_may_do_nothing() -> None:
    """A new page is safe until somebody says what it needs."""
    policy = dict(complete([(b"content-type", b"text/html")], request_id="a", seconds=0.0))[
        b"content-security-policy"
    ]
    assert b"default-src 'none'" in policy
    assert b"frame-ancestors 'none'" in policy
