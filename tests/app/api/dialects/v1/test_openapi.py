"""`app.api.dialects.v1.openapi`: what the document shows is what the server does."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.contract import Artifact
from tests.app.conftest import App

PATHS = ("/v1/models/{name}", "/v1/models/{name}/versions/{version}", "/v1/models/{name}/labels/{label}")


def filled(path: str, artifact: Artifact) -> str:
    """A path of a version."""
    contract = artifact.contract
    return path.format(name=contract.name, version=contract.version, label="stable")


def close(found: Any, shown: Any, tolerance: float) -> bool:
    """Whether two documents are equal but for small differences of numbers."""
    if isinstance(shown, dict):
        return found.keys() == shown.keys() and all(close(found[k], shown[k], tolerance) for k in shown)
    if isinstance(shown, list):
        return len(found) == len(shown) and all(map(close, found, shown, [tolerance] * len(shown)))
    if isinstance(shown, float):
        return bool(abs(found - shown) <= tolerance)
    return bool(found == shown)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["predict", "classify"])
def test_examples_are_answered_as_shown(
    trusting: TestClient, trusted_artifact: Artifact, path: str, method: str
) -> None:
    """Every example request is taken, and the example response is the one to the rows."""
    operation = trusting.get("/openapi.json").json()["paths"][f"{path}:{method}"]["post"]
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    answers = []
    for example in examples.values():
        response = trusting.post(f"{filled(path, trusted_artifact)}:{method}", json=example["value"])
        assert response.status_code == 200, response.text
        answers.append(response.json())
    assert close(answers[0], shown, trusted_artifact.contract.output.tolerance)
    assert len(answers) == (4 if method == "predict" else 1)


@pytest.mark.parametrize("path", ["/v1/models", *PATHS, *(f"{path}/metadata" for path in PATHS)])
def test_other_answers_are_as_shown(trusting: TestClient, trusted_artifact: Artifact, path: str) -> None:
    """To the letter."""
    operation = trusting.get("/openapi.json").json()["paths"][path]["get"]
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert trusting.get(filled(path, trusted_artifact)).json() == shown


def test_the_limit_of_series_is_the_servers(app: App) -> None:
    """As for the server's own protocol."""
    operation = app.client.get("/openapi.json").json()["paths"][f"{PATHS[0]}:predict"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    for each in schema["properties"]["instances"]["anyOf"]:
        assert each["maxItems"] == 8


def test_errors_are_shown_in_its_form(app: App) -> None:
    """With the statuses that its clients get: 503 under overload."""
    operation = app.client.get("/openapi.json").json()["paths"][f"{PATHS[0]}:predict"]["post"]
    for status in ("400", "404", "413", "503", "504"):
        content = operation["responses"][status]["content"]["application/json"]
        assert content["schema"] == {"$ref": "#/components/schemas/V1Error"}
    assert "429" not in operation["responses"]
