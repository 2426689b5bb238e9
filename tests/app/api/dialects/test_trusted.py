"""`POST /predict` of a model with trust, in this process, on its real engine."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app.client.schemas import PredictResponse
from app.contract import Artifact
from tests.support.trusted import LENGTH, TRUST, a_series

NPY = {"Content-Type": "application/x-npy", "Accept": "application/x-npy"}
# Sure of one label, unsure of two, and unlike anything seen.
SURE, UNSURE, UNLIKE = a_series(logit=3.0), a_series(logit=0.1), a_series(logit=3.0, novelty=5.0)


def predict(client: TestClient, *series: NDArray[np.float32], query: str = "") -> list[dict[str, Any]]:
    """The predictions for series, by JSON."""
    body = {"instances": [row.astype(float).tolist() for row in series]}
    response = client.post(f"/predict{query}", json=body)
    assert response.status_code == 200, response.text
    assert PredictResponse.model_validate_json(response.content)
    predictions: list[dict[str, Any]] = response.json()["predictions"]
    return predictions


def predict_npy(client: TestClient, *series: NDArray[np.float32], query: str = "") -> NDArray[np.float32]:
    """The probabilities of series, by npy."""
    file = io.BytesIO()
    np.save(file, np.stack(series))
    response = client.post(f"/predict{query}", content=file.getvalue(), headers=NPY)
    array: NDArray[np.float32] = np.load(io.BytesIO(response.content))
    return array


def codes(prediction: dict[str, Any]) -> list[str]:
    """The codes of a prediction's warnings."""
    return [warning["code"] for warning in prediction["warnings"]]


def counted(client: TestClient, name: str) -> float:
    """The value of a metric, by its name and labels as they are written."""
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))


def test_an_answer_says_how_far_to_trust_it(trusting: TestClient) -> None:
    """One label, two and none, each with its score; a label is given all the same."""
    sure, unsure, unlike = predict(trusting, SURE, UNSURE, UNLIKE)
    assert (sure["label"], sure["label_set"], sure["ood_score"]) == ("1", ["1"], 0.5)
    assert (unsure["label"], unsure["label_set"], unsure["ood_score"]) == ("1", ["-1", "1"], 0.5)
    assert (unlike["label"], unlike["label_set"], unlike["ood_score"]) == ("1", [], 1.0)
    assert [codes(one) for one in (sure, unsure, unlike)] == [[], [], ["unlike_training_data"]]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([2.0] * LENGTH, ["flat"]),
        ([3.0, *range(LENGTH - 6), *[99.0] * 5], ["clipped", "unlike_training_data"]),
        ([0.0, 1.0, 2.0, 3.0] * (LENGTH // 4), ["few_distinct_values"]),
    ],
)
def test_input_that_looks_odd_is_warned_of(
    trusting: TestClient, series: Sequence[float], expected: list[str]
) -> None:
    """Each kind by its code, with what was seen and what to do, and the answer beside it."""
    (prediction,) = predict(trusting, np.array(series, np.float32))
    assert codes(prediction) == expected
    assert all(warning["message"] and warning["remedy"] for warning in prediction["warnings"])
    assert prediction["label"] in ("-1", "1")


def test_a_series_is_warned_of_alone_and_in_company(trusting: TestClient) -> None:
    """What is odd about one series is said of no other."""
    flat = np.zeros(LENGTH, np.float32)
    alone = [predict(trusting, series)[0] for series in (SURE, flat, UNSURE)]
    assert predict(trusting, SURE, flat, UNSURE) == alone


@pytest.mark.parametrize("value", ["true", "1", "True"])
def test_abstaining_gives_labels_to_sure_series_alone(trusting: TestClient, value: str) -> None:
    """Everything else is said as before."""
    plain = predict(trusting, SURE, UNSURE, UNLIKE)
    abstaining = predict(trusting, SURE, UNSURE, UNLIKE, query=f"?abstain={value}")
    assert [one.pop("label") for one in plain] == ["1", "1", "1"]
    assert [one.pop("label") for one in abstaining] == ["1", None, None]
    assert abstaining == plain


@pytest.mark.parametrize("query", ["?abstain=false", "?abstain=0", "?other=1"])
def test_who_does_not_ask_to_abstain_gets_every_label(trusting: TestClient, query: str) -> None:
    """To say no is to say nothing."""
    assert predict(trusting, SURE, UNSURE, query=query) == predict(trusting, SURE, UNSURE)


def test_npy_answers_are_probabilities_as_ever(trusting: TestClient) -> None:
    """Two columns, whatever else the model answers."""
    found = predict_npy(trusting, SURE, UNSURE, UNLIKE)
    expected = [list(one["probabilities"].values()) for one in predict(trusting, SURE, UNSURE, UNLIKE)]
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


def test_npy_answers_of_abstained_series_are_nan(trusting: TestClient) -> None:
    """A program that reads on stumbles instead of trusting."""
    plain = predict_npy(trusting, SURE, UNSURE, UNLIKE)
    abstaining = predict_npy(trusting, SURE, UNSURE, UNLIKE, query="?abstain=true")
    assert np.isnan(abstaining).all(axis=1).tolist() == [False, True, True]
    np.testing.assert_array_equal(abstaining[0], plain[0])


def test_what_is_answered_is_counted(trusting: TestClient) -> None:
    """Sizes, warnings, confidence and abstentions, by JSON and npy alike."""
    names = (
        'timeseries_predictions_total{label="1",version="1"}',
        'timeseries_label_sets_total{size="0",version="1"}',
        'timeseries_label_sets_total{size="1",version="1"}',
        'timeseries_label_sets_total{size="more",version="1"}',
        'timeseries_warnings_total{code="unlike_training_data",version="1"}',
        'timeseries_abstained_series_total{version="1"}',
        'timeseries_confidence_count{version="1"}',
    )
    before = [counted(trusting, name) for name in names]
    predict(trusting, SURE, UNSURE, UNLIKE)
    predict_npy(trusting, SURE, UNSURE, UNLIKE, query="?abstain=true")
    after = [counted(trusting, name) for name in names]
    assert [late - early for early, late in zip(before, after, strict=True)] == [6, 2, 2, 2, 2, 2, 6]


def test_the_model_is_described_with_its_trust(trusting: TestClient) -> None:
    """`/model` has the level, the thresholds and the quantiles that answers come from."""
    assert trusting.get("/model").json()["contract"]["trust"] == json.loads(TRUST.model_dump_json())


def test_the_documents_example_is_the_answer_to_its_example(
    trusting: TestClient, trusted_artifact: Artifact
) -> None:
    """What the docs page shows is what the first click gets, with all that is said of trust."""
    operation = trusting.get("/openapi.json").json()["paths"]["/predict"]["post"]
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    body = operation["requestBody"]["content"]["application/json"]["example"]
    got = trusting.post("/predict", json=body).json()
    tolerance = trusted_artifact.contract.output.tolerance
    for one, other in zip(shown["predictions"], got["predictions"], strict=True):
        for name in ("probabilities", "ood_score"):
            assert one.pop(name) == pytest.approx(other.pop(name), abs=tolerance)
    assert got == shown
    assert shown["predictions"][0]["label_set"] is not None


def predict_fields(client: TestClient, *series: NDArray[np.float32]) -> NDArray[Any]:
    """All fields of the predictions of series."""
    file = io.BytesIO()
    np.save(file, np.stack(series))
    headers = {**NPY, "Accept": "application/x-npy; fields=all"}
    response = client.post("/predict", content=file.getvalue(), headers=headers)
    layout = client.get("/model").json()["npy_fields"]["layout"]
    expected = f"application/x-npy; fields=all; version=1; layout={layout}"
    assert response.headers["content-type"] == expected
    array: NDArray[Any] = np.load(io.BytesIO(response.content))
    return array


def test_all_fields_are_those_of_the_json_response(trusting: TestClient) -> None:
    """As `/model` describes them, with the same content; a batch's warnings and a request's own."""
    coarse = np.full(LENGTH, 1e6, np.float32)
    coarse[:6] += np.arange(6, dtype=np.float32) / 16
    series = (SURE, UNSURE, UNLIKE, np.full(LENGTH, 2.0, np.float32), coarse)
    for chosen in (series[:-1], series):
        described = trusting.get("/model").json()["npy_fields"]
        records = predict_fields(trusting, *chosen)
        dtype = [(field["name"], field["dtype"], tuple(field["shape"])) for field in described["fields"]]
        assert records.dtype == np.dtype(dtype)
        for record, wanted in zip(records, predict(trusting, *chosen), strict=True):
            named = zip(described["classes"], record["probabilities"].tolist(), strict=True)
            assert dict(named) == pytest.approx(wanted["probabilities"])
            inside = zip(described["classes"], record["label_set"].tolist(), strict=True)
            assert [name for name, chosen in inside if chosen] == wanted["label_set"]
            assert round(float(record["ood_score"]), 4) == wanted["ood_score"]
            bits = int(record["warnings"])
            kinds = [kind for kind in described["warnings"] if bits >> kind.pop("bit") & 1]
            assert kinds == wanted["warnings"]
            for bit, kind in enumerate(described["warnings"]):
                kind["bit"] = bit
