"""`POST /explain` of a small model whose first value decides, on its real engine."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.api.explain_parameters import MAX_SERIES
from app.client.explanations.schemas import DECIMALS, ExplainResponse, Explanation
from app.contract import Artifact
from app.main import create_service
from app.settings import Settings
from app.telemetry.metrics import Metrics
from qa.harness.messages import as_json, as_npy
from tests.app.conftest import ready_client
from tests.support.explaining import write_explaining
from tests.support.trusted import LABELS, a_series

SERIES = np.stack([a_series(logit=3.0), a_series(logit=-2.0), a_series(logit=0.5, novelty=2.9)])
WINDOWS, BANDS = 4, 5
VARIANTS = WINDOWS + BANDS + WINDOWS * BANDS
MAX_VARIANTS = 200
JSON, NPY = {"Content-Type": "application/json"}, {"Content-Type": "application/x-npy"}
PARTS = ("time", "frequency", "cells")


@pytest.fixture(scope="module")
def folder(trusted_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact with a reference for explanations, as a folder."""
    return write_explaining(
        trusted_artifact, tmp_path_factory.mktemp("explain"), windows=WINDOWS, bands=BANDS
    )


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """A ready app of it."""
    settings = Settings(artifact=folder, engine="openvino", explain_max_variants=MAX_VARIANTS)
    metrics = Metrics()
    with ready_client(create_service(settings, metrics), settings, metrics) as found:
        yield found


def explained(client: TestClient, query: str = "", series: np.ndarray = SERIES) -> list[dict[str, Any]]:
    """The explanations of series, by JSON."""
    response = client.post(f"/explain{query}", content=as_json(series), headers=JSON)
    assert response.status_code == 200, response.text
    assert ExplainResponse.model_validate_json(response.content)
    found: list[dict[str, Any]] = response.json()["explanations"]
    return found


def refused(client: TestClient, query: str, status: int, series: np.ndarray = SERIES) -> str:
    """The detail of a problem."""
    response = client.post(f"/explain{query}", content=as_json(series), headers=JSON)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    detail: str = response.json()["detail"]
    return detail


def test_every_field_is_there(client: TestClient) -> None:
    """As the schema has them; the lists have a value for each region."""
    response = client.post("/explain", content=as_json(SERIES), headers=JSON).json()
    assert (response["model"], response["version"], response["variants"]) == ("tiny", 1, VARIANTS)
    for found in response["explanations"]:
        assert found.keys() == Explanation.model_fields.keys()
        assert 0 <= found["unlike"] <= 1
        for name, axes in zip(PARTS, (("windows",), ("bands",), ("windows", "bands")), strict=True):
            part = found[name]
            assert part.keys() == {"perturbation", *axes, "changes", "importances"}
            sizes = tuple(len(part[axis]["starts"]) for axis in axes)
            assert np.shape(part["changes"]) == np.shape(part["importances"]) == sizes
            assert sizes == {"time": (4,), "frequency": (5,), "cells": (4, 5)}[name]
    assert [each["label"] for each in response["explanations"]] == [LABELS[1], LABELS[0], LABELS[1]]


def test_the_probability_is_that_of_the_prediction(client: TestClient) -> None:
    """To the digit, and so is the label."""
    predicted = client.post("/predict", content=as_json(SERIES), headers=JSON).json()["predictions"]
    for found, prediction in zip(explained(client), predicted, strict=True):
        assert found["label"] == prediction["label"]
        assert found["probability"] == prediction["probabilities"][found["label"]]


def test_the_window_with_the_cause_is_the_most_important(client: TestClient) -> None:
    """The model looks at the first value for its probabilities, and at nothing else."""
    for found in explained(client):
        importances = found["time"]["importances"]
        assert int(np.argmax(np.abs(importances))) == 0
        assert np.sign(importances[0]) == -np.sign(found["time"]["changes"][0])
        np.testing.assert_allclose(importances[1:], 0, atol=1e-4)


def test_a_label_of_the_request_is_explained(client: TestClient) -> None:
    """Of two labels, what speaks for one speaks against the other as much."""
    predicted, other = explained(client), explained(client, f"?label={LABELS[0]}")
    assert {found["label"] for found in other} == {LABELS[0]}
    np.testing.assert_allclose(
        other[0]["cells"]["importances"], -np.array(predicted[0]["cells"]["importances"]), atol=1e-4
    )
    assert other[1] == predicted[1]


@pytest.mark.parametrize("headers", [JSON, NPY], ids=["json", "npy"])
def test_an_array_has_what_json_has(client: TestClient, headers: dict[str, str]) -> None:
    """To either form of the body; it names its version, and each record describes itself."""
    body = as_json(SERIES) if headers is JSON else as_npy(SERIES)
    wanted = {"Accept": "application/x-npy", **headers}
    response = client.post("/explain", content=body, headers=wanted)
    assert response.headers["content-type"] == "application/x-npy; version=1"
    records = np.load(io.BytesIO(response.content))
    assert records.shape == (len(SERIES),)
    for record, found in zip(records, explained(client), strict=True):
        assert record["label"] == found["label"]
        assert float(str(record["probability"])) == found["probability"]
        assert record["unlike"] == np.float32(found["unlike"])
        for name in PARTS:
            part = found[name]
            assert record[f"{name}_perturbation"] == part["perturbation"]
            for values in ("changes", "importances"):
                np.testing.assert_allclose(record[f"{name}_{values}"], part[values], atol=10**-DECIMALS)
            for axis in {"windows", "bands"} & part.keys():
                for edge, places in part[axis].items():
                    np.testing.assert_array_equal(record[f"{name}_{axis[:-1]}_{edge}"], places)


def test_a_part_can_be_left_out(client: TestClient) -> None:
    """It is null, and not in the array."""
    [found] = explained(client, "?windows=0&cells=0&bands=3", SERIES[:1])
    assert (found["time"], found["cells"]) == (None, None)
    assert len(found["frequency"]["bands"]["ends"]) == 3
    wanted = {"Accept": "application/x-npy; fields=all", **NPY}
    response = client.post("/explain?bands=0&cells=2x3", content=as_npy(SERIES), headers=wanted)
    names = np.load(io.BytesIO(response.content)).dtype.names
    assert {"time_changes", "cells_changes"} <= set(names)
    assert not any(name.startswith("frequency") for name in names)


def test_calls_agree_alone_and_together(client: TestClient) -> None:
    """A series gets the same explanation at each call, and beside others."""
    together = explained(client)
    assert together == explained(client)
    assert [explained(client, "", each[np.newaxis])[0] for each in SERIES] == together


def test_predictions_are_not_changed_by_explanations(client: TestClient) -> None:
    """The bytes of a response are the same before, between and after."""

    def predict() -> bytes:
        content: bytes = client.post("/predict", content=as_json(SERIES), headers=JSON).content
        return content

    before = predict()
    for _ in range(3):
        explained(client)
        assert predict() == before


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("label=7", "label: expected a label of the model (-1, 1), got 7"),
        ("label=", "label: expected a label of the model (-1, 1), got an empty value"),
        ("label=1&label=1", "label: given 2 times; send it once"),
        ("windows=-1", "windows: expected a whole number from 0 to 999999999, got -1"),
        ("windows=1e2", "windows: expected a whole number from 0 to 999999999, got 1e2"),
        ("bands=", "bands: expected a whole number from 0 to 999999999, got an empty value"),
        ("windows=17", "windows: 17 windows; from 0 to 16, the time steps of a series"),
        ("bands=9", "bands: 9 bands; from 0 to 8, the frequencies above 0 of a series"),
        ("cells=4", "cells: expected numbers of windows and bands such as 10x25, or 0; got 4"),
        ("cells=0x4", "cells: expected numbers of windows and bands such as 10x25, or 0; got 0x4"),
        ("cells=17x1", "cells: 17 windows; from 1 to 16, the time steps of a series"),
        (
            "windows=0&bands=0&cells=0",
            "windows, bands and cells are all left out: there is nothing to explain",
        ),
        ("version=9", "version: 9 is not loaded; loaded: 1"),
        ("windows=999999999", "windows: 999999999 windows; from 0 to 16, the time steps of a series"),
        ("windows=9999999999", "windows: expected a whole number from 0 to 999999999, got 9999999999"),
    ],
)
def test_an_invalid_option_is_named(client: TestClient, query: str, words: str) -> None:
    """With its value and what to send."""
    assert refused(client, f"?{query}", 422) == words


def test_variants_have_a_limit(client: TestClient) -> None:
    """Of all series together, each with one more for itself; what fits is explained."""
    most = MAX_VARIANTS // (VARIANTS + 1)
    assert len(explained(client, "", np.repeat(SERIES[:1], most, axis=0))) == most
    detail = refused(client, "", 422, np.repeat(SERIES[:1], most + 1, axis=0))
    assert f"{(most + 1) * (VARIANTS + 1)} variants, the series included; at most {MAX_VARIANTS}" in detail


def test_series_have_a_limit(client: TestClient) -> None:
    """Fewer than in a request for predictions."""
    few = "?windows=1&bands=0&cells=0"
    assert len(explained(client, few, np.repeat(SERIES[:1], MAX_SERIES, axis=0))) == MAX_SERIES
    detail = refused(client, few, 422, np.repeat(SERIES[:1], MAX_SERIES + 1, axis=0))
    assert detail == f"instances: {MAX_SERIES + 1} series; at most {MAX_SERIES} a request"


def test_a_body_is_read_as_that_of_a_prediction(client: TestClient) -> None:
    """Compressed, broken, of another type, too large."""
    packed = gzip.compress(as_json(SERIES))
    assert (
        client.post("/explain", content=packed, headers={**JSON, "Content-Encoding": "gzip"}).status_code
        == 200
    )
    for content, headers, status in (
        (b"{", JSON, 400),
        (b"", {"Content-Type": "text/csv"}, 415),
        (b'{"instances": [[1]]}', JSON, 422),
        (b" " * 5_000_000, JSON, 413),
    ):
        response = client.post(
            "/explain?windows=x" if status == 413 else "/explain", content=content, headers=headers
        )
        assert response.status_code == status
        assert response.json()["status"] == status


def test_only_post_is_allowed(client: TestClient) -> None:
    """As for predictions."""
    response = client.get("/explain")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_the_work_is_timed_and_counted(client: TestClient) -> None:
    """In `Server-Timing`, and in the metrics of routes."""
    response = client.post("/explain", content=as_json(SERIES), headers=JSON)
    timing = response.headers["server-timing"]
    rows = len(SERIES) * (VARIANTS + 1)
    assert [part.partition(";")[0] for part in timing.split(", ")] == [
        "parse",
        "queue",
        "infer",
        "batch",
        "total",
    ]
    assert f'batch;desc="{rows} series"' in timing
    name = 'timeseries_http_requests_total{protocol="native",route="/explain",status="200"}'
    assert name in client.get("/metrics").text


def test_the_model_says_what_may_be_asked_for(client: TestClient) -> None:
    """The limits, and the defaults: those of the contract."""
    assert client.get("/model").json()["explanations"] == {
        "max_series": MAX_SERIES,
        "max_variants": MAX_VARIANTS,
        "timeout": 30.0,
        "windows": WINDOWS,
        "bands": BANDS,
        "cells": [WINDOWS, BANDS],
    }


def test_a_version_without_a_reference_says_how_to_get_one(trusting: TestClient) -> None:
    """501: no retry helps. `/model` says so before."""
    detail = refused(trusting, "", 501)
    assert detail == (
        "tiny/1 was sealed without `explanation_reference`, which explanations are made with; train and seal "
        "it again with this release"
    )
    assert trusting.get("/model").json()["explanations"] is None


def test_the_document_states_every_field(client: TestClient) -> None:
    """Parameters with a description, a response whose example is valid, and all problems."""
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/explain"]["post"]
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert operation["requestBody"]["content"]["application/json"]["example"] == body["example"]
    instances = document["components"]["schemas"]["ExplainRequest"]["properties"]["instances"]
    assert (instances["maxItems"], instances["items"]["maxItems"]) == (MAX_SERIES, SERIES.shape[1])
    schemas = {each["name"]: each["schema"] for each in operation["parameters"]}
    assert (schemas["windows"]["maximum"], schemas["bands"]["maximum"]) == (16, 8)
    assert schemas["label"]["enum"] == list(LABELS)
    names = [each["name"] for each in operation["parameters"]]
    assert names == ["label", "windows", "bands", "cells", "version", "X-Request-Timeout"]
    assert all(each["description"] for each in operation["parameters"])
    content = operation["responses"]["200"]["content"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/ExplainResponse"}
    assert ExplainResponse.model_validate(content["application/json"]["example"])
    schemas = document["components"]["schemas"]
    for name in ("ExplainResponse", "Explanation", "TimeImportance", "FrequencyImportance", "CellImportance"):
        assert all("description" in field for field in schemas[name]["properties"].values()), name
    assert {"400", "408", "413", "415", "422", "429", "500", "501", "503", "504"} <= operation[
        "responses"
    ].keys()
