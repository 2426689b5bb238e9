"""`POST /predict` and `GET /model`, in this process. What each bad body is told: `test_payloads_*.py`."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from app.api.problem_kinds import CONNECTION
from app.api.problems import MEDIA_TYPE
from app.client.schemas import PredictResponse
from tests.app.conftest import App, series
from tests.support.fakes import by_first_value


def npy(array: NDArray[np.float32]) -> bytes:
    """An array as `numpy.save` writes it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_json_in_json_out(app: App) -> None:
    """Each series gets its label and the probability of every label, in order."""
    response = app.client.post("/predict", json={"instances": series(-2.0, 2.0).tolist()})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    answer = PredictResponse.model_validate_json(response.content)
    assert (answer.model, answer.version) == ("forda", app.service.contract.version)
    assert [prediction.label for prediction in answer.predictions] == ["-1", "1"]
    expected = by_first_value(series(-2.0, 2.0))
    got = np.array([list(prediction.probabilities.values()) for prediction in answer.predictions], np.float32)
    np.testing.assert_array_equal(got, expected)


def test_npy_in_npy_out(app: App) -> None:
    """The binary form carries the same numbers."""
    headers = {"Content-Type": "application/x-npy", "Accept": "application/x-npy"}
    response = app.client.post("/predict", content=npy(series(-2.0, 2.0)), headers=headers)
    assert response.headers["content-type"] == "application/x-npy"
    np.testing.assert_array_equal(np.load(io.BytesIO(response.content)), by_first_value(series(-2.0, 2.0)))


def test_the_response_has_the_time_of_each_step(app: App) -> None:
    """`Server-Timing` has parse, queue and inference in milliseconds, and the batch's rows."""
    timing = app.client.post("/predict", json={"instances": series(1.0).tolist()}).headers["server-timing"]
    number = r"\d+\.\d{3}"
    assert re.fullmatch(
        rf"parse;dur={number}, queue;dur={number}, infer;dur={number}, "
        rf'batch;desc="1 series", total;dur={number}',
        timing,
    )


@pytest.mark.parametrize(
    ("content", "content_type", "status", "slug"),
    [
        (b"{", "application/json", 400, "malformed"),
        (b"PK", "application/x-npy", 400, "malformed"),
        (b"x" * 100_001, "application/json", 413, "too-large"),
        (b"<series/>", "application/xml", 415, "media-type"),
        (b'{"instances": []}', "application/json", 422, "contract"),
        (b'{"instances": [[1, 2]]}', "application/json", 422, "contract"),
    ],
)
def test_a_bad_body_gets_its_problem_and_the_next_request_works(
    app: App, content: bytes, content_type: str, status: int, slug: str
) -> None:
    """Every kind of refusal is a problem document, computes nothing, and harms nobody after it."""
    computed = len(app.engine.batches)
    response = app.client.post("/predict", content=content, headers={"Content-Type": content_type})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert len(app.engine.batches) == computed
    assert app.client.post("/predict", json={"instances": series(1.0).tolist()}).status_code == 200


def test_a_violation_points_at_its_place(app: App) -> None:
    """A client can find the wrong number by machine."""
    instances = series(1.0, 2.0).tolist()
    instances[1][17] = "0.5"
    problem = app.client.post("/predict", json={"instances": instances}).json()
    assert problem["violations"] == [
        {"pointer": "instances/1/17", "message": "expected a number, got a string"}
    ]
    assert problem["total"] == 1


def test_more_series_than_a_batch_takes_are_refused(app: App) -> None:
    """The limit is in the message."""
    problem = app.client.post("/predict", json={"instances": series(*[1.0] * 9).tolist()}).json()
    assert problem["status"] == 422
    assert problem["detail"] == "instances: 9 series; at most 8 a request"


def test_the_model_is_described(app: App) -> None:
    """`/model` has the contract, the card and the engine."""
    answer = app.client.get("/model").json()
    assert answer["contract"]["input"] == {
        "name": "series",
        "length": 500,
        "channels": 1,
        "dtype": "float32",
        "invariant_to_offset_and_scale": True,
    }
    assert answer["limits"] == {
        "max_instances": 8,
        "max_body_bytes": 100_000,
        "request_timeout": 10.0,
        "keep_alive_timeout": 75.0,
    }
    # A model without trust has no label sets and no scores.
    assert [field["name"] for field in answer["npy_fields"]["fields"]] == ["probabilities", "warnings"]
    assert [kind["code"] for kind in answer["npy_fields"]["warnings"]] == ["precision_lost"]
    assert answer["engine"] == "a fake engine"
    assert answer["card"] == app.service.artifact.card


def test_the_document_has_a_real_series_as_its_example(app: App) -> None:
    """What the docs page sends at the first click is a request that gets an answer."""
    operation = app.client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    golden = app.service.artifact.golden.series
    np.testing.assert_allclose(example["instances"], golden[: len(example["instances"])], atol=1e-4)
    assert app.client.post("/predict", json=example).status_code == 200


def test_the_document_names_every_refusal(app: App) -> None:
    """Each status that `/predict` may answer stands in the OpenAPI document, with a schema that exists."""
    document = app.client.get("/openapi.json").json()
    operation = document["paths"]["/predict"]["post"]
    assert set(operation["responses"]) == {
        "200", "400", "408", "413", "414", "415", "422", "429", "431", "499", "500", "501",
        "503", "504", "505",
    }  # fmt: skip
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


def test_the_document_names_what_a_connection_ends_with(app: App) -> None:
    """Of every route, as a problem document: a head can be too large whatever it asks for."""
    operations = [
        operation
        for operations in app.client.get("/openapi.json").json()["paths"].values()
        for operation in operations.values()
    ]
    assert len(operations) > 5
    for answers in (operation["responses"] for operation in operations):
        for status in map(str, CONNECTION):
            schema = answers[status]["content"][MEDIA_TYPE]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}


def test_the_documentation_has_all_of_its_files(app: App) -> None:
    """From this server alone."""
    response = app.client.get("/docs")
    assert response.status_code == 200
    assert "swagger-ui" in response.text
    for asset in re.findall(r'(?:src|href)="(/[^"]+)"', response.text):
        assert app.client.get(asset).status_code == 200
