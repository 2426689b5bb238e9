"""`app.api.middleware.auth`: who comes in, by the byte, through the framework and past it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api.middleware.api_keys import line_of, new_key
from app.api.middleware.auth import PROTECTABLE
from app.contract import Artifact
from app.errors import InvalidKeyFile
from app.inference.service import Service
from app.main import create_app
from app.settings import Settings
from app.settings.values import PROTECTABLE_ROUTES
from qa.harness.http_client import HttpClient
from qa.harness.messages import Headers, as_json, get, head, post
from qa.harness.process import wait_until
from tests.app.api.served import Served, served
from tests.app.conftest import MAX_BODY, ready_client, series
from tests.app.http.fast_path.compared import told
from tests.support.fakes import FakeEngine

KEY = new_key()
GOOD = as_json(series(0.5))
BEARER = [("Authorization", f"Bearer {KEY}")]
DIRECT, ONWARDS = "/predict", "/predict?abstain=false"
# What browsers accept: without it, a request of `/` is a probe of liveness.
HTML = {"Accept": "text/html"}
COUNT = "timeseries_unauthorized_requests_total"

ClientOf = Callable[..., AbstractContextManager[TestClient]]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the key of `caller-1`."""
    file = tmp_path_factory.mktemp("door") / "keys"
    file.write_text(f"# test\n{line_of('caller-1', KEY)}\n{line_of('caller-2', new_key())}\n")
    return file


@pytest.fixture(scope="module")
def guarded(plain_artifact: Artifact, keys: Path) -> Iterator[Served]:
    """A server that asks for keys."""
    with served(plain_artifact, api_keys_file=keys) as running:
        yield running


@pytest.fixture
def client_of(plain_artifact: Artifact) -> ClientOf:
    """Gives a client of an app in this process with the given settings."""

    def make(**settings: Any) -> AbstractContextManager[TestClient]:
        return ready_client(Service(plain_artifact, FakeEngine), Settings(**settings))

    return make


@pytest.mark.parametrize("target", [DIRECT, ONWARDS])
@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        [("authorization", f"bearer  {KEY} ")],
        [("X-API-Key", KEY)],
        [("Authorization", "Basic Z2F0ZXdheTp4"), ("X-API-Key", KEY)],
        [("Authorization", "Basic Z2F0ZXdheTp4"), ("Authorization", "Basic x"), ("X-API-Key", KEY)],
        BEARER * 2,
        [("X-API-Key", KEY)] * 2,
    ],
    ids=[
        "bearer",
        "as others write it",
        "x-api-key",
        "beside a gateway's own",
        "beside two of a gateway's",
        "bearer twice",
        "x-api-key twice",
    ],
)
def test_a_key_lets_in(guarded: Served, target: str, headers: Headers) -> None:
    """In either header, on both ways."""
    with HttpClient(guarded.url) as wire:
        assert wire.ask(post(GOOD, headers, target=target)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", KEY)],
        [("Authorization", f"Basic {KEY}")],
        [("Authorization", f"Bearer {KEY}x")],
        [("Authorization", f"Bearer {KEY[:-1]}")],
        [("Authorization", f"Bearer {new_key()}")],
        [("Authorization", f"Bearer {line_of('caller-1', KEY).partition(':')[2]}")],
        [("Authorization", b"Bearer \xff\xfe")],
        [("Authorization", f"Bearer {new_key()}"), *BEARER],
        [*BEARER, ("Authorization", f"Bearer {new_key()}")],
        [*BEARER, ("Authorization", "Basic x")],
        [("X-API-Key", KEY), ("X-API-Key", new_key())],
        [("X-API-Key", KEY), ("X-API-Key", "")],
        [("X-API-Key", "")],
        [("X-API-Key", new_key()), *BEARER],
        [("X-API-Key", "caller-1")],
    ],
)
def test_nothing_else_lets_in(guarded: Served, headers: Headers) -> None:
    """The same document on both ways and for all reasons: it does not say which part was wrong."""
    before = guarded.metric(COUNT)
    with HttpClient(guarded.url) as wire:
        answers = [told(wire.ask(post(GOOD, headers, target=target))) for target in (DIRECT, ONWARDS)]
        bare = told(wire.ask(post(GOOD)))
    assert answers[0] == answers[1] == bare
    status, told_headers, document = answers[0]
    assert (status, told_headers["www-authenticate"]) == (401, "Bearer")
    assert isinstance(document, dict)
    assert document["type"] == "/problems/unauthorized"
    assert guarded.metric(COUNT) == before + 3


def test_who_is_refused_is_counted_alike_on_both_ways(guarded: Served) -> None:
    """Under the route, and nobody's name is a label."""
    name = 'timeseries_http_requests_total{protocol="native",route="/predict",status="401"}'
    for target in (DIRECT, ONWARDS):
        before = guarded.metric(name)
        with HttpClient(guarded.url) as wire:
            wire.ask(post(GOOD, target=target))
            wire.ask(post(GOOD, BEARER, target=target))
            assert b"caller-1" not in wire.ask(get("/metrics")).body
        assert guarded.metric(name) == before + 1


def test_who_is_refused_at_no_route_is_counted_at_none(guarded: Served) -> None:
    """A line feed behind a route's path makes another path of it."""
    name = 'timeseries_http_requests_total{protocol="native",route="other",status="401"}'
    before = guarded.metric(name)
    with HttpClient(guarded.url) as wire:
        wire.ask(get("/model%0a"))
    assert guarded.metric(name) == before + 1


@pytest.mark.parametrize("target", [DIRECT, ONWARDS])
def test_the_head_alone_is_judged(guarded: Served, target: str) -> None:
    """Nobody is asked for a body that nobody will read, nor told of the queue or the model."""
    heads = (
        [("Content-Length", str(MAX_BODY))],
        [("Content-Length", str(MAX_BODY)), ("Expect", "100-continue")],
        [("Content-Length", str(MAX_BODY + 1))],
        [("Content-Length", "10"), ("Content-Type", "text/csv")],
        [("Transfer-Encoding", "chunked")],
    )
    for fields in heads:
        with HttpClient(guarded.url) as wire:
            assert wire.ask(head("POST", target, fields)).status == 401
    with HttpClient(guarded.url) as wire:
        assert wire.ask(head("POST", target, [*heads[1], *BEARER])).status == 100


def test_a_refusal_leaves_the_connection_as_it_was(guarded: Served) -> None:
    """When the rest of the body has come the next request is read, and may come in."""
    with HttpClient(guarded.url) as wire:
        assert wire.ask(head("POST", DIRECT, [("Content-Length", str(len(GOOD)))])).status == 401
        wire.send(GOOD)
        assert wire.ask(post(GOOD, BEARER)).status == 200


@pytest.mark.parametrize("target", ["/livez", "/readyz", "/startupz", "/problems/unauthorized"])
def test_what_machines_and_the_refused_ask_is_open(guarded: Served, target: str) -> None:
    """Whatever is closed."""
    with HttpClient(guarded.url) as wire:
        assert wire.ask(get(target)).status == 200


@pytest.mark.parametrize(
    "target", ["/metrics", "/docs", "/openapi.json", "/", "/static-offline-docs/favicon.png"]
)
def test_what_is_not_closed_is_open(guarded: Served, target: str) -> None:
    """Operators' tools go on working when keys are introduced."""
    with HttpClient(guarded.url) as wire:
        assert wire.ask(get(target)).status in (200, 307)


@pytest.mark.parametrize(
    "target",
    [
        "/model",
        "/model?x=1",
        "/nowhere",
        "/predict/",
        "/%70redict",
        "//livez",
        "/livez/",
        "/livez/../model",
        "/LIVEZ",
        "/livez%00",
        "/livez%2F..%2Fmodel",
        "/docs/x",
        "/page/start.json",
        "/page/icon.svg",
        "/static-offline-docs",
        "/metricsx",
        "http://x/model",
    ],
)
def test_whatever_is_not_named_open_needs_a_key(guarded: Served, target: str) -> None:
    """However it is written, and whether or not it is there."""
    with HttpClient(guarded.url) as wire:
        assert wire.ask(head("GET", target)).status == 401
        assert wire.ask(head("GET", target, BEARER)).status in (200, 307, 404, 405)


@pytest.mark.parametrize("workers_path", [DIRECT, ONWARDS])
def test_the_clients_name_stands_in_the_access_log(
    plain_artifact: Artifact, keys: Path, workers_path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its name and not its key; whoever has none is nobody."""
    with (
        caplog.at_level(logging.INFO, "app.access"),
        served(plain_artifact, api_keys_file=keys, access_log=True) as app,
    ):
        with HttpClient(app.url) as wire:
            wire.ask(post(GOOD, BEARER, target=workers_path))
            wire.ask(post(GOOD, target=workers_path))
        wait_until(lambda: sum(record.name == "app.access" for record in caplog.records) == 2)
    lines = [record.__dict__ for record in caplog.records if record.name == "app.access"]
    assert [(line["status"], line.get("client")) for line in lines] == [(200, "caller-1"), (401, None)]
    assert KEY not in str(lines)


def test_a_key_that_is_taken_out_stops_working(plain_artifact: Artifact, tmp_path: Path) -> None:
    """On a running server, on a connection that it opened."""
    file = tmp_path / "keys"
    file.write_text(line_of("caller", KEY))
    with served(plain_artifact, api_keys_file=file) as app, HttpClient(app.url) as wire:
        assert wire.ask(post(GOOD, BEARER)).status == 200
        file.write_text("")
        wait_until(lambda: wire.ask(post(GOOD, BEARER)).status == 401)


def test_a_broken_file_stops_the_start(plain_artifact: Artifact, tmp_path: Path) -> None:
    """A server that should ask for keys and cannot is worse than none."""
    with pytest.raises(InvalidKeyFile, match="No such file"):
        create_app(Settings(api_keys_file=tmp_path / "nothing"), Service(plain_artifact, FakeEngine))


# What is closed.


def test_every_name_that_may_be_closed_is_known_to_both() -> None:
    """The settings refuse all others, so each must mean something here."""
    assert set(PROTECTABLE) == set(PROTECTABLE_ROUTES)


PLACES = {
    "metrics": ["/metrics"],
    "docs": ["/docs", "/static-offline-docs/swagger-ui.css"],
    "openapi.json": ["/openapi.json"],
    "/": ["/", "/page/0123456789abcdef/scripts/main.js"],
}


@pytest.mark.parametrize("name", PLACES)
def test_what_is_closed_needs_a_key(client_of: ClientOf, keys: Path, name: str) -> None:
    """And nothing else does that did not before."""
    with client_of(api_keys_file=keys, protected_routes=(name,)) as client:
        for place in (place for places in PLACES.values() for place in places):
            refused = place in PLACES[name]
            bare = client.get(place, headers=HTML, follow_redirects=False)
            assert (bare.status_code == 401) is refused
            keyed = client.get(place, headers=HTML | dict(BEARER), follow_redirects=False)
            assert keyed.status_code in (200, 307)
        assert client.get("/livez").status_code == 200


@pytest.mark.parametrize("name", PLACES)
def test_without_keys_what_is_closed_is_not_there(client_of: ClientOf, name: str) -> None:
    """It answers as a path that nobody has ever heard of."""
    with client_of(protected_routes=(name,)) as client:
        for place in (place for places in PLACES.values() for place in places):
            answer = client.get(place, headers=HTML, follow_redirects=False)
            if place not in PLACES[name]:
                assert answer.status_code in (200, 307)
                continue
            unknown = client.get("/nowhere").json()
            document = {**answer.json(), "request_id": unknown["request_id"]}
            assert document == json.loads(json.dumps(unknown).replace("/nowhere", place))
            assert answer.status_code == 404
        assert client.post("/predict", json={"instances": series(1.0).tolist()}).status_code == 200


# What the documentation says of it.


def test_openapi_names_keys_where_they_are_required(client_of: ClientOf, keys: Path) -> None:
    """Each operation that needs one says so, and what it answers without one; the others do not."""
    with client_of(api_keys_file=keys, protected_routes=("metrics",)) as client:
        document = client.get("/openapi.json").json()
        assert client.get("/openapi.json").json() == document
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    needing = {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if operation.get("security") == [{"bearer": []}, {"header": []}]
    }
    telling = {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if "401" in operation["responses"]
    }
    native = {path for path in needing if not path.startswith(("/v1/", "/v2"))}
    assert needing == telling
    assert native == {
        *("/predict", "/predict/stream", "/explain", "/model", "/metrics", "/drift", "/drift/reset"),
    }
    assert not any(path.endswith(("/live", "/ready")) for path in needing)


def test_openapi_names_no_keys_where_none_are_required(client_of: ClientOf) -> None:
    """A client that is generated from it would ask its user for one."""
    with client_of(protected_routes=("metrics",)) as client:
        document = client.get("/openapi.json").json()
    assert "securitySchemes" not in document["components"]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert operations
    assert not any("401" in operation["responses"] or "security" in operation for operation in operations)
