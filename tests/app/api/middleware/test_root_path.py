"""ROOT_PATH: the app behind a proxy that serves it under a path, stripped or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from app.api.dialects import all_dialects
from app.api.dialects.native import Native
from app.api.error_responses import ErrorResponses
from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact
from app.errors import QueueFull
from app.inference.service import Service
from app.main import create_app
from app.settings import Settings
from app.telemetry.request_record import RequestRecord
from tests.app.conftest import ready_client, series
from tests.support.fakes import FakeEngine

ROOT = "/models/forda"
JSON = {"instances": series(1.0).tolist()}
STRIPPED_OR_NOT = pytest.mark.parametrize("sent", ["", ROOT], ids=["stripped", "passed on"])


@pytest.fixture(scope="module")
def client(plain_artifact: Artifact) -> Iterator[TestClient]:
    """A client of an app under a path."""
    with ready_client(Service(plain_artifact, FakeEngine), Settings(root_path=ROOT)) as client:
        yield client


@STRIPPED_OR_NOT
@pytest.mark.parametrize(
    "path",
    [
        "/livez",
        "/model",
        "/metrics",
        "/docs",
        "/openapi.json",
        "/problems/contract",
        "/static-offline-docs/favicon.png",
    ],
)
def test_every_route_is_there(client: TestClient, sent: str, path: str) -> None:
    """With GET and with HEAD."""
    assert client.get(f"{sent}{path}").status_code == 200
    assert client.head(f"{sent}{path}").status_code == 200


@STRIPPED_OR_NOT
def test_a_prediction_is_answered_and_counted_as_one(client: TestClient, sent: str) -> None:
    """Under its route: the prefix is no part of a metric."""
    name = 'timeseries_http_requests_total{protocol="native",route="/predict",status="200"} '

    def count() -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    before = count()
    assert client.post(f"{sent}/predict", json=JSON).status_code == 200
    assert count() == before + 1


@STRIPPED_OR_NOT
@pytest.mark.parametrize("path", ["/", ""])
def test_the_redirect_stays_under_the_path(plain_artifact: Artifact, sent: str, path: str) -> None:
    """Whether or not the proxy strips its own path. Without V1, `/` leads to the documentation."""
    settings = Settings(root_path=ROOT, protocols=("native",))
    with ready_client(Service(plain_artifact, FakeEngine), settings) as client:
        response = client.get(f"http://testserver{sent}{path}", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, f"{ROOT}/docs")
    assert "Accept" in response.headers["vary"]


@STRIPPED_OR_NOT
@pytest.mark.parametrize("path", ["/", ""])
def test_browsers_get_the_page_under_the_path(client: TestClient, sent: str, path: str) -> None:
    """With the addresses of its files under the path, too."""
    response = client.get(f"http://testserver{sent}{path}", headers={"Accept": "text/html"})
    assert response.status_code == 200
    assert f'"{ROOT}/page/' in response.text


@STRIPPED_OR_NOT
def test_problems_are_named_as_the_client_can_look_them_up(client: TestClient, sent: str) -> None:
    """By what the proxy serves; so is a hint."""
    for method, path, slug in (
        ("GET", "/predict", "method"),
        ("GET", "/nowhere", "not-found"),
        ("POST", "/predict", "malformed"),
        ("POST", "/predict/", "not-found"),
    ):
        problem = client.request(method, f"{sent}{path}").json()
        assert problem["type"] == f"{ROOT}/problems/{slug}"
        looked_up = client.get(f"{sent}/problems/{slug}").json()
        assert (looked_up["type"], looked_up["title"]) == (problem["type"], problem["title"])
    assert problem["detail"] == f"POST {ROOT}/predict/: no such route; use {ROOT}/predict"


def test_the_document_names_the_path_and_is_else_the_same(
    client: TestClient, plain_artifact: Artifact
) -> None:
    """A client that is made from it asks the proxy."""
    document = client.get("/openapi.json").json()
    assert document.pop("servers") == [{"url": ROOT}]
    with ready_client(Service(plain_artifact, FakeEngine), Settings()) as bare:
        assert bare.get("/openapi.json").json() == document


@pytest.mark.parametrize(
    "path", [f"{ROOT}x/livez", f"{ROOT}{ROOT}/livez", f"/models{ROOT}/livez", "/models/livez"]
)
def test_no_other_path_is_stripped(client: TestClient, path: str) -> None:
    """Nor this one more than once."""
    assert client.get(path).status_code == 404


def test_a_key_is_needed_however_the_path_comes(plain_artifact: Artifact, tmp_path: Path) -> None:
    """And what is closed is closed, what is open is open."""
    key, file = new_key(), tmp_path / "keys"
    file.write_text(line_of("caller", key))
    settings = Settings(root_path=ROOT, api_keys_file=file, protected_routes=("metrics",))
    with ready_client(Service(plain_artifact, FakeEngine), settings) as client:
        for sent in ("", ROOT):
            for path in ("/model", "/metrics", "/nowhere", f"{ROOT}/livez" if sent else "/x"):
                assert client.get(f"{sent}{path}").status_code == 401
            for path in ("/livez", "/docs", "/problems/contract"):
                assert client.get(f"{sent}{path}").status_code == 200
            assert client.get(f"{sent}/metrics", headers={"X-API-Key": key}).status_code == 200
    with ready_client(
        Service(plain_artifact, FakeEngine), Settings(root_path=ROOT, protected_routes=("metrics",))
    ) as client:
        for path in ("/metrics", f"{ROOT}/metrics", f"{ROOT}/metrics/"):
            response = client.get(path)
            assert response.status_code == 404
            assert "; use " not in response.json()["detail"]


def test_a_document_that_is_made_without_the_framework_knows_the_path() -> None:
    """Whether it is made for one request or for many."""
    record = RequestRecord("x", 0.0, "POST", "/predict")
    for make in (ErrorResponses(ROOT).for_error, ErrorResponses(ROOT).for_refusal):
        assert (
            f'"type":"{ROOT}/problems/queue-full"'.encode()
            in make(QueueFull("full"), Native(), record).content
        )


@pytest.mark.parametrize("path", ["", "/forda", "/models/forda-2.1_x~", "/predict/v1", "/..a"])
def test_a_path_is_taken(path: str) -> None:
    """Of one part or several, or none."""
    assert Settings(root_path=path).root_path == path


@pytest.mark.parametrize(
    "path",
    [
        "forda", "/", "/forda/", "//forda", "/a//b", "/a?b", "/a#b", "/a b", "/a\nb", "/a%20b", "/é", "/a'b",
        '/a"b', "/<a>", "/a\\b", "/.", "/..", "/a/../b", "/a/.", "http://host/forda", "/a:b", "/{a}",
    ],
)  # fmt: skip
def test_what_is_no_path_is_refused(path: str) -> None:
    """It goes into pages, headers and documents as it is."""
    with pytest.raises(ValidationError, match="root_path"):
        Settings(root_path=path)


def test_a_path_of_the_servers_own_is_refused(plain_artifact: Artifact) -> None:
    """It could not be told from the prefix; all that there are are known to the settings."""
    app = create_app(Settings(), Service(plain_artifact, FakeEngine))
    documented = {f"/{path.split('/')[1]}" for path in app.openapi()["paths"]}
    assert len(documented) > 5
    prefixes = {dialect.prefix.rstrip("/") for dialect in all_dialects()} - {""}
    documented |= prefixes | {path[: path.index("/", 1)] for path in prefixes if "/" in path[1:]}
    for path in documented | {"/docs", "/static-offline-docs", "/openapi.json", "/page", "/problems"}:
        with pytest.raises(ValidationError, match="a path of the server itself"):
            Settings(root_path=path)
