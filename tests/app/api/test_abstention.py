"""`app.api.abstention`: the query parameter `abstain`, and what is told to who misuses it."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.app.conftest import App, series
from tests.trusted import a_series


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("abstain=maybe", "true or false is needed, this is maybe"),
        ("abstain=yes", "true or false is needed, this is yes"),
        ("abstain=", "true or false is needed, this is empty"),
        ("abstain", "true or false is needed, this is empty"),
        ("abstain=2", "true or false is needed, this is 2"),
        ("abstain=true&abstain=false", "given 2 times; once is enough"),
    ],
)
def test_another_value_is_refused_by_name(trusting: TestClient, query: str, message: str) -> None:
    """A typo does not pass for a no."""
    response = trusting.post(f"/predict?{query}", json={"instances": [a_series().astype(float).tolist()]})
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["type"]) == (422, "/problems/contract")
    assert problem["violations"] == [{"pointer": "abstain", "message": message}]


def test_a_model_without_label_sets_cannot_abstain(app: App) -> None:
    """It says so, and computes nothing; not to abstain is possible."""
    body = {"instances": series(1.0).tolist()}
    assert app.client.post("/predict?abstain=false", json=body).status_code == 200
    computed = len(app.engine.batches)
    response = app.client.post("/predict?abstain=true", json=body)
    assert response.status_code == 422
    assert response.json()["detail"] == (
        "abstain: this model was sealed without label sets and cannot abstain; ask without it"
    )
    assert len(app.engine.batches) == computed


def test_the_parameter_is_documented(app: App) -> None:
    """The interactive documentation offers it."""
    operation = app.client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    parameter = operation["parameters"][0]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("abstain", "query", False)
    assert parameter["schema"]["type"] == "boolean"
    assert parameter["description"]
