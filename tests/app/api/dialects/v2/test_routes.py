"""`app.api.dialects.v2`: health, metadata, configuration, statistics and the index of the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api.dialects.v2.codec import COMPRESSED_FROM
from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact
from app.version import server_version
from qa.harness.messages import get, head, post
from tests.app.api.dialects.v2.bodies import INFER, as_v2, error_of
from tests.app.conftest import LENGTH, MAX_ROWS, App, series
from tests.app.http.played import play, serving
from tests.support.fakes import FakeEngine
from tests.support.trusted import a_series

MODEL = "/v2/models/forda"
OPEN = ("/v2/health/live", "/v2/health/ready", f"{MODEL}/ready", f"{MODEL}/versions/1/ready")
GUARDED = ("/v2", MODEL, f"{MODEL}/versions/1", f"{MODEL}/config", f"{MODEL}/stats", "/v2/models/stats")


def document(app: App, path: str, status: int = 200) -> Any:
    """The JSON of a GET, whose Content-Type is exactly that."""
    response = app.client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json")
    return response.json()


def test_the_server_describes_itself(app: App) -> None:
    """Clients look for the names of extensions."""
    found = document(app, "/v2")
    assert (found["name"], found["version"]) == ("timeseries", server_version())
    assert {"binary_tensor_data", "classification", "statistics"} <= set(found["extensions"])


def test_health_is_json_that_clients_read(app: App) -> None:
    """Of the server and of the model; 503 with the same fields once it drains."""
    assert document(app, "/v2/health/live") == {"live": True}
    assert document(app, "/v2/health/ready") == {"ready": True}
    assert document(app, f"{MODEL}/ready") == {"name": "forda", "ready": True}
    app.service.drain()
    assert document(app, "/v2/health/live") == {"live": True}
    assert document(app, "/v2/health/ready", 503) == {"ready": False}
    assert document(app, f"{MODEL}/ready", 503) == {"name": "forda", "ready": False}


def test_metadata_have_the_models_tensors(app: App) -> None:
    """The input is named by the contract; a version's metadata name it alone."""
    version = str(app.service.contract.version)
    expected = {
        "name": "forda",
        "versions": [version],
        "platform": "keras",
        "inputs": [{"name": "series", "datatype": "FP32", "shape": [-1, LENGTH]}],
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]},
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
        ],
    }
    assert document(app, MODEL) == expected
    assert document(app, f"{MODEL}/versions/{version}") == expected


def test_the_configuration_is_tritons(app: App) -> None:
    """Shapes are those of one series; a label has Triton's form of a single element."""
    found = document(app, f"{MODEL}/config")
    assert (found["name"], found["max_batch_size"]) == ("forda", MAX_ROWS)
    assert found["input"] == [{"name": "series", "data_type": "TYPE_FP32", "dims": [LENGTH]}]
    assert found["output"] == [
        {"name": "probabilities", "data_type": "TYPE_FP32", "dims": [2]},
        {"name": "label", "data_type": "TYPE_STRING", "dims": [1], "reshape": {"shape": []}},
    ]


@pytest.mark.parametrize("part", ["", "/ready", "/config", "/stats"])
@pytest.mark.parametrize("path", ["/v2/models/other", f"{MODEL}/versions/99", f"{MODEL}/versions/x"])
def test_what_is_not_loaded_is_404(app: App, path: str, part: str) -> None:
    """Of a model and of a version, on each of their routes."""
    assert list(document(app, f"{path}{part}", 404)) == ["error"]


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2/", "/v2/models", f"{MODEL}/infer/x"])
def test_an_unknown_path_is_404(app: App, path: str) -> None:
    """In the protocol's form."""
    assert list(document(app, path, 404)) == ["error"]


def test_another_method_is_405(app: App) -> None:
    """Also OPTIONS on health, and HEAD where there is no GET; HEAD is GET elsewhere."""
    for method, path, allowed in (
        ("GET", INFER, "POST"),
        ("PUT", INFER, "POST"),
        ("POST", MODEL, "GET, HEAD"),
        ("OPTIONS", "/v2/health/live", "GET, HEAD"),
        ("HEAD", "/v2/repository/index", "POST"),
    ):
        response = app.client.request(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, allowed)
        assert response.headers["content-type"] == "application/json"
    assert app.client.head("/v2/health/live").status_code == 200


def test_the_index_lists_versions(app: App) -> None:
    """A bare list; with `ready`, only the ready versions; other bodies are refused."""
    version = str(app.service.contract.version)
    ready = {"name": "forda", "version": version, "state": "READY", "reason": ""}
    index = "/v2/repository/index"
    for body in ("", "{}", '{"ready": false}', '{"ready": true}'):
        response = app.client.post(index, content=body)
        assert (response.status_code, response.json()) == (200, [ready])
    app.service.drain()
    [entry] = app.client.post(index).json()
    assert (entry["state"], entry["reason"]) == ("UNAVAILABLE", "the service is draining")
    assert app.client.post(index, content='{"ready": true}').json() == []
    for body in ("[]", "{", '{"ready": 1}'):
        assert app.client.post(index, content=body).status_code == 400


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_versions_are_not_loaded_by_request(app: App, verb: str) -> None:
    """503, as of a server that does not allow it."""
    response = app.client.post(f"/v2/repository/models/forda/{verb}")
    assert response.status_code == 503
    assert response.json()["error"].startswith("models cannot be loaded or unloaded by request")


def test_only_health_is_open_where_there_are_keys(plain_artifact: Artifact, tmp_path: Path) -> None:
    """All else is refused without a key, in the protocol's form."""
    key = new_key()
    file = tmp_path / "keys"
    file.write_text(line_of("alice", key) + "\n")
    version = plain_artifact.contract.version

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), api_keys_file=file) as played:
            connection = played.connect()
            for path in OPEN:
                numbered = path.replace("/1/", f"/{version}/")
                assert (await connection.ask(get(numbered))).status == 200
            for path in GUARDED:
                numbered = path.replace("/1", f"/{version}")
                assert "API key" in error_of(await connection.ask(get(numbered)), 401)
                given = await connection.ask(head("GET", numbered, [("X-API-Key", key)]))
                assert given.status == 200
            for target in (INFER, f"{INFER}?", "/v2/repository/index"):
                error_of(await connection.ask(post(as_v2(series(1.0)), target=target)), 401)

    play(scenario())


def test_nothing_but_predictions_is_compressed(app: App) -> None:
    """A client that unpacks those alone says for every request that it takes gzip."""
    assert len(document(app, "/v2/models/stats")) < COMPRESSED_FROM
    for path in ("/v2", MODEL, f"{MODEL}/stats", "/v2/models/none"):
        response = app.client.get(path, headers={"Accept-Encoding": "gzip, deflate"})
        assert "content-encoding" not in response.headers


def test_requests_are_counted_under_their_templates(app: App) -> None:
    """Not under names that clients choose."""
    app.client.get("/v2/models/abc/ready")
    app.client.post(INFER, content=as_v2(series(1.0)))
    text = app.client.get("/metrics").text
    counted = 'timeseries_http_requests_total{protocol="v2",route="/v2/models/{name}'
    assert f'{counted}/ready",status="404"}} 1.0' in text
    assert f'{counted}/infer",status="200"}} 1.0' in text
    assert "abc" not in text


def test_without_the_protocol_its_paths_are_404(plain_artifact: Artifact) -> None:
    """In the server's own form."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), protocols="native") as played:
            response = await played.connect().ask(get("/v2/health/live"))
            assert (response.status, response.headers["content-type"]) == (404, "application/problem+json")

    play(scenario())


def statistics(client: TestClient, path: str = "/v2/models/stats") -> dict[str, Any]:
    """The statistics of the one version."""
    [found] = client.get(path).json()["model_stats"]
    return dict(found)


def test_statistics_count_series_batches_and_requests(trusting: TestClient) -> None:
    """Of all protocols; what is refused before the queue counts nowhere."""
    before = statistics(trusting)
    body = as_v2(a_series()[None].repeat(3, axis=0))
    name = before["name"]
    assert trusting.post(f"/v2/models/{name}/infer", content=body).status_code == 200
    assert trusting.post("/predict", json={"instances": [a_series().tolist()]}).status_code == 200
    assert trusting.post(f"/v2/models/{name}/infer", content=b"{}").status_code == 400
    after = statistics(trusting, f"/v2/models/{name}/versions/{before['version']}/stats")
    assert after["inference_count"] - before["inference_count"] == 4
    assert after["execution_count"] - before["execution_count"] == 2
    then, now = before["inference_stats"], after["inference_stats"]
    for part in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
        assert now[part]["count"] - then[part]["count"] == 2
    assert now["fail"] == then["fail"]
    assert now["compute_infer"]["ns"] > then["compute_infer"]["ns"]
    assert now["success"]["ns"] == now["queue"]["ns"] + now["compute_infer"]["ns"]
    assert after["last_inference"] >= before["last_inference"]
    assert after["last_inference"] > 1_700_000_000_000
    assert after == statistics(trusting, f"/v2/models/{name}/stats")


def test_the_documents_examples_are_real(trusting: TestClient) -> None:
    """The example of the response is the response to the example of the request."""
    paths = trusting.get("/openapi.json").json()["paths"]
    name = statistics(trusting)["name"]
    for path in ("/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer"):
        operation = paths[path]["post"]
        example = operation["requestBody"]["content"]["application/json"]["example"]
        shown = operation["responses"]["200"]["content"]["application/json"]["example"]
        target = path.format(name=name, version=statistics(trusting)["version"])
        got = trusting.post(target, content=json.dumps(example)).json()
        assert [each["name"] for each in got["outputs"]] == [
            "probabilities",
            "label",
            "label_set",
            "ood_score",
        ]
        for one, other in zip(got.pop("outputs"), shown.pop("outputs"), strict=True):
            data, expected = one.pop("data"), other.pop("data")
            exact = isinstance(data[0], str | bool)
            assert data == expected if exact else data == pytest.approx(expected, abs=1e-3)
            assert one == other
        assert got == shown
    shown = paths["/v2/models/{name}"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert trusting.get(f"/v2/models/{name}").json() == shown
