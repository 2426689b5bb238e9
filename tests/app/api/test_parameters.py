"""`app.api.parameters`: `abstain`, `version` and `X-Request-Timeout`, and their wrong values."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from app.api.headers import RequestHead
from app.api.parameters import timeout_of, version_of
from app.contract import MAX_VERSION
from app.errors import ContractViolation
from tests.app.conftest import App, series
from tests.support.trusted import a_series

MOST = 10.0


def timeout(value: str | None) -> float:
    """The seconds of a request with this value of the header; None for one without it."""
    fields = [] if value is None else [(b"x-request-timeout", value.encode("latin-1", "replace"))]
    return timeout_of(RequestHead(fields), most=MOST)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("abstain=maybe", "expected true or false, got maybe"),
        ("abstain=yes", "expected true or false, got yes"),
        ("abstain=", "expected true or false, got an empty value"),
        ("abstain", "expected true or false, got an empty value"),
        ("abstain=2", "expected true or false, got 2"),
        ("abstain=true&abstain=false", "given 2 times; send it once"),
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
        "abstain: this model has no label sets and cannot abstain; remove this parameter"
    )
    assert len(app.engine.batches) == computed


def test_the_parameter_is_documented(app: App) -> None:
    """The interactive documentation offers it."""
    operation = app.client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    parameter = operation["parameters"][0]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("abstain", "query", False)
    assert parameter["schema"]["type"] == "boolean"
    assert parameter["description"]


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, MOST), ("0.5", 0.5), ("3", 3.0), ("10.000001", MOST), ("999999999", MOST)]
)
def test_the_shorter_limit_holds(value: str | None, seconds: float) -> None:
    """The client's or the server's."""
    assert timeout(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "0", "0.0", "-1", "nan", "inf", "1e3", "1_0", "1,5", " 1", "٣", "1s", "9" * 10]
)
def test_what_is_no_time_is_refused(value: str) -> None:
    """In the header's name, with an example of what is right."""
    with pytest.raises(ContractViolation, match=r"X-Request-Timeout: expected seconds above 0, such as 0\.5"):
        timeout(value)


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_refused(value: str) -> None:
    """Nothing else is raised, and no time is beyond the limit."""
    try:
        seconds = timeout(value)
    except ContractViolation:
        return
    assert 0 < seconds <= MOST


def test_of_several_wrong_ones_the_first_is_reported(app: App) -> None:
    """Whichever of them the client corrects, it is told the next one, in one order."""
    answers = [
        app.client.post(f"/predict?{query}", content=b"", headers={"X-Request-Timeout": "soon"}).json()
        for query in ("version=x&abstain=x", "version=x", "")
    ]
    told = [answer["violations"][0]["pointer"] for answer in answers]
    assert told == ["abstain", "version", "X-Request-Timeout"]


def test_a_request_of_a_disconnected_client_is_not_computed(app: App) -> None:
    """It gets 504 while the engine is at something else, and leaves the queue."""
    app.engine.hold()
    body = {"instances": series(1.0).tolist()}
    answers = [
        app.client.post("/predict", json=body, headers={"X-Request-Timeout": seconds})
        for seconds in ("0.05", "0.05")
    ]
    assert [answer.status_code for answer in answers] == [504, 504]
    app.engine.release()
    assert app.client.post("/predict", json=body).status_code == 200
    assert app.engine.batches == [1, 1]  # the first, which the engine had begun, and the last


@pytest.mark.parametrize(
    ("query", "version"), [("", None), ("version=1", 1), (f"version={MAX_VERSION}", MAX_VERSION)]
)
def test_a_version_is_a_plain_number(query: str, version: int | None) -> None:
    """As its folder is named; none means the one that serves."""
    assert version_of(QueryParams(query)) == version


@pytest.mark.parametrize(
    "value", ["", "0", "007", "-1", "%2B1", "%201", "1.0", "%D9%A3", "latest", "1" * 10, "9" * 5000]
)
def test_another_spelling_is_refused(value: str) -> None:
    """A version has one, so that what was asked for can be found in logs and on the disk."""
    with pytest.raises(
        ContractViolation, match="version: expected a whole number from 1 to 999999999 without leading"
    ):
        version_of(QueryParams(f"version={value}"))


def test_two_versions_are_refused() -> None:
    """Which one is meant nobody knows."""
    with pytest.raises(ContractViolation, match="version: "):
        version_of(QueryParams("version=1&version=2"))
