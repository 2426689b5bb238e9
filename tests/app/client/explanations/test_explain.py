"""`Client.explain` against prepared answers; tests/app/api/routes/test_explain.py has a real server."""

from __future__ import annotations

import asyncio

import httpx
import numpy as np
import pytest

from app.client import AsyncClient, InvalidOptions, InvalidSeries, UnexpectedResponse
from tests.app.client.explanations.explained import (
    EXPLAINED,
    HEADERS,
    answer,
    client_of,
    records_for,
)
from tests.app.client.mocked import CONTENT_TYPE, LENGTH, MODEL, npy, received

SERIES = np.arange(8 * LENGTH, dtype=np.float32).reshape(8, LENGTH)


@pytest.mark.parametrize(("windows", "sizes"), [(None, [2, 3, 3]), (7, [2, 2, 2, 2])])
def test_series_are_split_by_both_limits_and_come_back_in_order(
    windows: int | None, sizes: list[int]
) -> None:
    """Three series a request, and two where each has nine regions."""
    steps: list[tuple[int, int | None]] = []
    client, requests = client_of()
    with client:
        found = client.explain(SERIES, windows=windows, progress=lambda *step: steps.append(step))
    assert sorted(len(received(request)) for request in requests) == sizes
    assert found.time is not None
    np.testing.assert_array_equal(found.time.importances[:, 0], SERIES[:, 0])
    assert steps[-1] == (8, 8)


def test_options_are_the_query() -> None:
    """Those that are given, and nothing else; the response is wanted as an array."""
    client, requests = client_of()
    with client:
        client.explain(SERIES[:1])
        client.explain(SERIES[:1], label="a&b", windows=0, bands=7, cells=(2, 3))
        client.explain(SERIES[:1], cells=0)
    assert [request.url.raw_path.decode() for request in requests] == [
        "/explain",
        "/explain?label=a%26b&windows=0&bands=7&cells=2x3",
        "/explain?cells=0",
    ]
    assert {request.headers["Accept"] for request in requests} == {"application/x-npy"}
    assert 30 <= float(requests[0].headers["X-Request-Timeout"]) <= 35  # the server's own for explanations


def test_the_result_has_columns_and_documents() -> None:
    """A part that was left out is None; a document is what JSON has."""
    client, _ = client_of()
    with client:
        found = client.explain(SERIES[:3])
    assert found.labels.tolist() == ["-1"] * 3
    assert found.versions == (3,)
    assert found.probabilities.dtype == np.float32
    assert np.isnan(found.unlike).all()
    assert found.frequency is None
    assert found.time is not None
    assert found.cells is not None
    assert (found.time.perturbation, found.time.bands) == ("mean", None)
    assert found.time.windows is not None
    assert found.time.windows.tolist() == [[0, 2], [2, 5]]
    assert found.cells.bands is not None
    assert found.cells.bands.tolist() == [[0, 0.25], [0.25, 0.5]]
    assert found.cells.importances.shape == (3, 1, 2)
    assert len(found) == 3
    assert len(found[1:]) == 2
    assert found[1:].versions == (3,)
    assert found[1:][0] == found[1] == list(found)[1]
    assert found[1].model_dump() == {
        "label": "-1",
        "probability": 0.9,
        "unlike": None,
        "time": {
            "perturbation": "mean",
            "windows": {"starts": [0, 2], "ends": [2, 5]},
            "changes": [0, -0.333333],
            "importances": [5, 0],
        },
        "frequency": None,
        "cells": {
            "perturbation": "median",
            "windows": {"starts": [0], "ends": [5]},
            "bands": {"starts": [0, 0.25], "ends": [0.25, 0.5]},
            "changes": [[0, 0]],
            "importances": [[0, 5]],
        },
    }


def test_the_asynchronous_client_does_the_same() -> None:
    """It is the one that does the work."""

    async def explain() -> np.ndarray:
        def serve(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=EXPLAINED) if request.url.path == "/model" else answer(request)

        async with AsyncClient("http://server", transport=httpx.MockTransport(serve)) as client:
            found = await client.explain(iter(SERIES[:5]))
        assert found.time is not None
        return found.time.importances

    assert asyncio.run(explain())[:, 0].tolist() == SERIES[:5, 0].tolist()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cells": 5}, r"cells is 5; give a pair of windows and bands, such as \(10, 25\), or 0"),
        ({"cells": (5, 5)}, "28 variants of each series; the server takes 20 a request"),
    ],
)
def test_options_that_the_server_would_refuse_are_not_sent(options: dict[str, object], words: str) -> None:
    """One line says what to give."""
    client, requests = client_of()
    with client, pytest.raises(InvalidOptions, match=words):
        client.explain(SERIES, **options)  # type: ignore[arg-type]
    assert requests == []


@pytest.mark.parametrize(
    "model", [MODEL, {**EXPLAINED, "explanations": None}], ids=["old server", "old model"]
)
def test_a_model_without_explanations_is_named(model: dict[str, object]) -> None:
    """And how to get them."""
    client, _ = client_of(model=model)
    with client, pytest.raises(InvalidOptions, match=r"^forda/3 has no explanations: .*train it again"):
        client.explain(SERIES)


def test_no_series_are_an_error() -> None:
    """There is no explanation to take the regions from."""
    client, _ = client_of()
    with client, pytest.raises(InvalidSeries, match="no series to explain"):
        client.explain(np.empty((0, LENGTH), np.float32))


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"<html>", {"Content-Type": "text/html"}),
        (b"cut", HEADERS),
        (npy(np.zeros((1, 2))), {"Content-Type": CONTENT_TYPE}),
        (npy(records_for(SERIES[:2])), HEADERS),
        (npy(records_for(SERIES[:1])), {"Content-Type": "application/x-npy"}),
    ],
    ids=["portal", "cut", "probabilities", "two for one", "no version"],
)
def test_another_answer_is_reported_with_its_url(content: bytes, headers: dict[str, str]) -> None:
    """On one line."""
    client, _ = client_of(lambda _: httpx.Response(200, content=content, headers=headers))
    with client, pytest.raises(UnexpectedResponse, match=r"^http://server/explain: ") as info:
        client.explain(SERIES[:1])
    assert str(info.value).isprintable()


def test_a_model_that_changes_its_regions_in_between_is_an_error() -> None:
    """Columns of both would mean nothing."""

    def serve(request: httpx.Request) -> httpx.Response:
        series = received(request)
        records = records_for(series)
        if series[0, 0] > 0:
            records["time_window_ends"] = 4
        headers = {"Content-Type": f"application/x-npy; version={3 + (series[0, 0] > 0)}"}
        return httpx.Response(200, content=npy(records), headers=headers)

    client, _ = client_of(serve)
    with client, pytest.raises(UnexpectedResponse, match="versions 3, 4 of the model explain other regions"):
        client.explain(SERIES)
