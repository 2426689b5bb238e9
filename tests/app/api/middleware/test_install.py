"""`app.api.middleware.install`: pages of other origins ask if they may, with and without keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact
from qa.harness.http_client import HttpClient
from qa.harness.messages import Headers, Response, as_json, head, post
from tests.app.api.served import Served, served
from tests.app.conftest import series
from tests.app.http.fast_path.compared import told

GOOD = as_json(series(0.5))
KEY = new_key()
PAGE, OTHER = "https://page.example", "https://page.example.evil"


@pytest.fixture(scope="module")
def app(plain_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that asks for keys and lets one origin's pages ask."""
    keys: Path = tmp_path_factory.mktemp("cors") / "keys"
    keys.write_text(line_of("page", KEY))
    with served(plain_artifact, api_keys_file=keys, cors_origins=(PAGE,)) as running:
        yield running


def ask(app: Served, request: bytes) -> Response:
    """The answer to a request on a connection of its own."""
    with HttpClient(app.url) as wire:
        return wire.ask(request)


def preflight(origin: str, *, method: str = "POST", headers: str = "content-type, authorization") -> bytes:
    """What a browser asks before it asks."""
    fields: Headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", headers),
    ]
    return head("OPTIONS", "/predict", fields)


def test_a_browser_learns_without_a_key_that_it_may_ask(app: Served) -> None:
    """It sends none with this question."""
    answer = ask(app, preflight(PAGE))
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "request_",
    [preflight(OTHER), preflight(PAGE, method="DELETE"), preflight(PAGE, headers="x-other")],
    ids=["origin", "method", "header"],
)
def test_a_browser_learns_that_it_may_not(app: Served, request_: bytes) -> None:
    """Origins are compared whole."""
    assert ask(app, request_).status == 400


@pytest.mark.parametrize(
    "name",
    [
        "Accept",
        "Authorization",
        "Content-Encoding",
        "Content-Type",
        "traceparent",
        "tracestate",
        "X-API-Key",
        "X-Request-Id",
        "X-Request-Timeout",
    ],
)
def test_a_page_may_send_each_header_that_is_read(app: Served, name: str) -> None:
    """As browsers write its name: in lower case."""
    answer = ask(app, preflight(PAGE, headers=name.lower()))
    assert answer.status == 200
    assert name.lower() in answer.headers["access-control-allow-headers"].lower().split(", ")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_page_may_use_each_method_that_there_is(app: Served, method: str) -> None:
    """For any route."""
    answer = ask(app, preflight(PAGE, method=method))
    assert (answer.status, answer.headers["access-control-allow-methods"]) == (200, "GET, HEAD, POST")


@pytest.mark.parametrize("target", ["/predict", "/predict?abstain=false"])
@pytest.mark.parametrize(("key", "status"), [(KEY, 200), (new_key(), 401)])
def test_a_page_may_read_its_answer_and_its_refusal(app: Served, target: str, key: str, status: int) -> None:
    """The request goes the framework's way, where this is written once."""
    fields = [("Authorization", f"Bearer {key}")]
    answer = ask(app, post(GOOD, [("Origin", PAGE), *fields], target=target))
    assert (answer.status, answer.headers.get_all("access-control-allow-origin")) == (status, [PAGE])
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"
    other = ask(app, post(GOOD, [("Origin", OTHER), *fields], target=target))
    assert (other.status, other.headers["access-control-allow-origin"]) == (status, None)


def test_other_clients_than_browsers_get_no_cors_headers(app: Served) -> None:
    """Without an origin a request goes past the framework as ever, and both ways answer alike."""
    answers = []
    for target in ("/predict", "/predict?abstain=false"):
        status, headers, document = told(ask(app, post(GOOD, [("X-API-Key", KEY)], target=target)))
        headers.pop("vary", None)  # of what may be kept; this may not
        assert not any("access-control" in name for name in headers)
        answers.append((status, headers, document))
    assert answers[0] == answers[1]


def test_every_origin_may_be_let_in(plain_artifact: Artifact) -> None:
    """With a star, and still without credentials."""
    with served(plain_artifact, cors_origins=("*",)) as app:
        assert ask(app, preflight(OTHER)).headers["access-control-allow-origin"] in ("*", OTHER)
        answer = ask(app, post(GOOD, [("Origin", OTHER)]))
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-credentials" not in answer.headers


def test_without_origins_there_are_no_cors_headers(plain_artifact: Artifact) -> None:
    """A browser takes that for a no, and an answer past the framework is the same as without an origin."""
    with served(plain_artifact) as app:
        answer = ask(app, preflight(PAGE))
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        assert told(ask(app, post(GOOD, [("Origin", PAGE)]))) == told(ask(app, post(GOOD)))
