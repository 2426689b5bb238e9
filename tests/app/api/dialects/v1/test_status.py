"""`app.api.dialects.v1.status`: list, status and readiness, metadata, and liveness at `/`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from app.api.middleware.api_keys import line_of, new_key
from app.contract import Artifact
from app.errors import EngineError
from app.inference.service import Service
from qa.harness.messages import Headers, Response, get, head
from tests.app.api.dialects.v1.asked import MODEL, content_of, error_of
from tests.app.http.played import Connection, Played, play, serving, until
from tests.support.fakes import FakeEngine

OK = {"error_code": "OK", "error_message": ""}
BROWSER = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")]
STATUS_PATHS = (MODEL, f"{MODEL}/labels/stable")


def asks(target: str, headers: Headers = (), *, method: str = "GET") -> bytes:
    """A request without a body."""
    return head(method, target, headers)


async def other_version(played: Played, artifact: Artifact, number: int) -> Service:
    """Load another version behind the one that serves."""
    contract = artifact.contract.model_copy(update={"version": number})
    service = Service(dataclasses.replace(artifact, contract=contract), FakeEngine)
    await service.start()
    played.state.versions._services.append(service)
    return service


def test_the_list_is_kserves(plain_artifact: Artifact) -> None:
    """The names of the models: one."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            assert content_of(await played.connect().ask(get("/v1/models"))) == {"models": ["forda"]}

    play(scenario())


def test_status_and_readiness_are_one_answer(plain_artifact: Artifact) -> None:
    """All loaded versions for the model; one where the path has a version or a label."""
    number = plain_artifact.contract.version

    def status(*versions: int) -> dict[str, Any]:
        states = [{"version": str(each), "state": "AVAILABLE", "status": OK} for each in versions]
        return {"name": "forda", "ready": True, "model_version_status": states}

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            connection = played.connect()
            assert content_of(await connection.ask(get(MODEL))) == status(number)
            other = await other_version(played, plain_artifact, 77)
            assert content_of(await connection.ask(get(MODEL))) == status(number, 77)
            assert content_of(await connection.ask(get(f"{MODEL}/versions/77"))) == status(77)
            assert content_of(await connection.ask(get(f"{MODEL}/versions/{number}"))) == status(number)
            assert content_of(await connection.ask(get(f"{MODEL}/labels/stable"))) == status(number)
            await other.close(timeout=1)

    play(scenario())


@pytest.mark.parametrize("path", STATUS_PATHS)
def test_a_model_that_is_not_ready_is_503(plain_artifact: Artifact, path: str) -> None:
    """KServe's clients take that for no, TensorFlow Serving's read the state."""

    async def ask(connection: Connection) -> dict[str, Any]:
        answer = await connection.ask(get(path))
        assert (answer.status, answer.headers["content-type"]) == (503, "application/json")
        document: dict[str, Any] = json.loads(answer.body)
        return document

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            played.service.drain()
            document = await ask(played.connect())
            [version] = document.pop("model_version_status")
            words = "the service is draining"
            assert document == {"name": "forda", "ready": False, "error": words}
            assert version["state"] == "UNLOADING"
            assert version["status"] == {"error_code": "UNAVAILABLE", "error_message": words}
            assert (await played.connect().ask(get("/"))).status == 200

    play(scenario())


def test_a_version_that_cannot_be_loaded_has_ended(plain_artifact: Artifact) -> None:
    """With the reason; liveness turns off, too."""

    def fail() -> Any:
        raise EngineError("no graph")

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), load=fail) as played:
            await until(lambda: played.service.has_failed)
            connection = played.connect()
            document = json.loads((await connection.ask(get(MODEL))).body)
            [version] = document["model_version_status"]
            assert (version["state"], version["status"]["error_message"]) == ("END", "no graph")
            dead = await connection.ask(get("/"))
            assert (dead.status, json.loads(dead.body)) == (503, {"status": "failed", "error": "no graph"})

    play(scenario())


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/{{}}", f"{MODEL}/labels/stable"])
def test_metadata_describe_the_signature(artifact: Artifact, path: str) -> None:
    """Names, types and shapes of what is sent and of what comes; numbers of 64 bits are strings."""
    contract = artifact.contract
    target = f"{path.format(contract.version)}/metadata"

    def tensor(name: str, dtype: str, *sizes: str) -> dict[str, Any]:
        dims = [{"size": size, "name": ""} for size in ("-1", *sizes)]
        shape = {"dim": dims, "unknown_rank": False}
        return {"dtype": dtype, "tensor_shape": shape, "name": f"serving_default_{name}:0"}

    async def scenario() -> None:
        async with serving(artifact, FakeEngine()) as played:
            assert content_of(await played.connect().ask(get(target))) == {
                "model_spec": {
                    "name": "forda",
                    "signature_name": "",
                    "version": str(contract.version),
                },
                "metadata": {
                    "signature_def": {
                        "signature_def": {
                            "serving_default": {
                                "inputs": {"series": tensor("series", "DT_FLOAT", "500")},
                                "outputs": {
                                    "probabilities": tensor("probabilities", "DT_FLOAT", "2"),
                                    "label": tensor("label", "DT_STRING"),
                                    "label_set": tensor("label_set", "DT_BOOL", "2"),
                                    "ood_score": tensor("ood_score", "DT_FLOAT"),
                                },
                                "method_name": "tensorflow/serving/predict",
                            }
                        }
                    }
                },
            }

    play(scenario())


@pytest.mark.parametrize(
    ("method", "target", "status", "words"),
    [
        ("GET", "/v1/models/other", 404, "model other is not served here; the model is 'forda'"),
        ("GET", "/v1/models/other/metadata", 404, "model other is not served here; the model is 'forda'"),
        ("GET", f"{MODEL}/versions/99", 404, "version 99 is not loaded; loaded: {version}"),
        ("GET", f"{MODEL}/versions/0/metadata", 404, "version 0 is not loaded; loaded: {version}"),
        (
            "GET",
            f"{MODEL}/labels/canary",
            404,
            "label canary is not assigned; the only label is stable: the version that serves",
        ),
        (
            "GET",
            f"{MODEL}/versions/x",
            400,
            f"Malformed request: {MODEL}/versions/x: a version is a whole number",
        ),
        ("GET", f"{MODEL}:predict", 400, f"Malformed request: GET {MODEL}:predict: method not allowed"),
        (
            "GET",
            f"{MODEL}/versions/1:predict",
            400,
            f"Malformed request: GET {MODEL}/versions/1:predict: method not allowed",
        ),
        ("POST", MODEL, 400, f"Malformed request: POST {MODEL}: method not allowed"),
        ("PUT", f"{MODEL}:predict", 400, f"Malformed request: PUT {MODEL}:predict: method not allowed"),
        ("GET", "/v1", 400, "Malformed request: GET /v1: no such route"),
        ("GET", "/v1/", 400, "Malformed request: GET /v1/: no such route"),
        ("GET", "/v1/model/forda", 400, "Malformed request: GET /v1/model/forda: no such route"),
        (
            "GET",
            "/v1/models/",
            400,
            "Malformed request: GET /v1/models/: no such route; use /v1/models",
        ),
        ("POST", "/v1/predict", 400, "Malformed request: POST /v1/predict: no such route"),
    ],
)
def test_what_is_not_there_is_reported(
    plain_artifact: Artifact, method: str, target: str, status: int, words: str
) -> None:
    """404 for a model, a version and a label that are unknown, 400 for every other path and method."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            answer = await played.connect().ask(asks(target, [("Content-Length", "0")], method=method))
            assert error_of(answer, status) == words.format(version=plain_artifact.contract.version)

    play(scenario())


# Liveness.


@pytest.mark.parametrize("headers", [[], [("Accept", "*/*")], [("Accept", "application/json, text/plain")]])
def test_clients_get_liveness_at_the_root(plain_artifact: Artifact, headers: Headers) -> None:
    """Without a redirect, which KServe's clients do not follow."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            assert content_of(await played.connect().ask(asks("/", headers))) == {"status": "alive"}
            query = await played.connect().ask(asks("/?x=1", headers))
            assert content_of(query) == {"status": "alive"}

    play(scenario())


def test_browsers_get_the_page(plain_artifact: Artifact) -> None:
    """From the same address, by their `Accept`."""

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine()) as played:
            answer = await played.connect().ask(asks("/", BROWSER))
            assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")

    play(scenario())


@pytest.mark.parametrize("has_keys", [True, False])
def test_liveness_is_open_where_the_root_is_protected(
    plain_artifact: Artifact, tmp_path: Path, *, has_keys: bool
) -> None:
    """The redirect is not."""
    file = tmp_path / "keys"
    file.write_text(line_of("alice", new_key()) + "\n")
    settings: dict[str, Any] = {"api_keys_file": file} if has_keys else {}

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), protected_routes=("/",), **settings) as played:
            connection = played.connect()
            assert content_of(await connection.ask(asks("/"))) == {"status": "alive"}
            assert (await connection.ask(asks("/", BROWSER))).status == (401 if has_keys else 404)
            posted = asks("/", [("Content-Length", "0")], method="POST")
            assert (await connection.ask(posted)).status == (401 if has_keys else 404)

    play(scenario())


def test_readiness_is_open_and_all_else_needs_a_key(plain_artifact: Artifact, tmp_path: Path) -> None:
    """However a path is written."""
    key, file = new_key(), tmp_path / "keys"
    file.write_text(line_of("alice", key) + "\n")
    version = f"{MODEL}/versions/{plain_artifact.contract.version}"

    async def ask(connection: Connection, target: str, headers: Headers = ()) -> Response:
        return await connection.ask(asks(target, headers))

    async def scenario() -> None:
        async with serving(plain_artifact, FakeEngine(), api_keys_file=file) as played:
            connection = played.connect()
            for target in (MODEL, version, f"{MODEL}/labels/stable"):
                assert content_of(await ask(connection, target))["ready"] is True
            error_of(await ask(connection, "/v1/models/other"), 404)
            for target in ("/v1/models", f"{MODEL}/metadata", f"{version}/metadata"):
                error_of(await ask(connection, target), 401)
                content_of(await ask(connection, target, [("X-API-Key", key)]))
            for target in ("/v1", "/v1/x", f"{MODEL}:predict", f"{MODEL}%3Apredict", f"{MODEL}/versions/1:x"):
                error_of(await ask(connection, target), 401)

    play(scenario())
