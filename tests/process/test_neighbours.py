"""Neighbours of a real server with two workers: series, versions, and what they cost those who do not ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.client import AsyncClient, Client, ClientError, InvalidOptions
from app.contract import pin
from qa.harness.server import ServerProcess, running_server
from tests.support import plain_http
from tests.support.multivariate import CHANNELS, LABELS, LENGTH, a_dataset
from tests.support.versions import changes_to

TRAINING = a_dataset().train


@pytest.fixture(scope="module")
def machine(machine_versions: Path) -> Iterator[ServerProcess]:
    """A server of the three versions, all loaded; the first one serves."""
    pin(machine_versions, 3)
    with running_server(
        ARTIFACT=str(machine_versions),
        WORKERS="2",
        RELOAD_SECONDS="0.05",
        KEEP_VERSIONS="3",
        ENGINE="openvino",
    ) as server:
        for number in (2, 1):
            pin(machine_versions, number)
            server.wait_until(lambda number=number: changes_to(server, number) == 2)  # type: ignore[misc]
        yield server


def ask(server: ServerProcess, query: str, count: int = 2) -> httpx.Response:
    """Predictions of training series, on a connection of their own."""
    body = {"instances": TRAINING[:count].tolist()}
    return plain_http.post(f"{server.url}/predict{query}", json=body, timeout=60)


def test_a_training_series_is_nearest_to_itself(machine: ServerProcess) -> None:
    """With its row, its label, no distance and its values, from every worker."""
    for _ in range(8):
        answer = ask(machine, "?neighbours=3").raise_for_status().json()
        assert answer["version"] == 1
        for row, prediction in enumerate(answer["predictions"]):
            first, *others = prediction["neighbours"]
            assert (first["index"], first["label"]) == (row, LABELS[row % len(LABELS)])
            assert first["distance"] < 1e-4
            assert np.shape(first["series"]) == (LENGTH, CHANNELS)
            np.testing.assert_allclose(
                first["series"], TRAINING[row], rtol=0, atol=np.ptp(TRAINING[row], axis=0).max() / 60_000
            )
            assert [each["distance"] for each in others] == sorted(each["distance"] for each in others)
            assert len(others) == 2
    assert "neighbours;dur=" in ask(machine, "?neighbours=3").headers["server-timing"]


def test_who_does_not_ask_gets_the_same_bytes(machine: ServerProcess) -> None:
    """Neighbours are one more field of each prediction, and nothing else changes."""
    plain, asked = ask(machine, ""), ask(machine, "?neighbours=2&neighbours_series=false")
    assert b"neighbours" not in plain.content
    document = asked.json()
    for prediction in document["predictions"]:
        assert [each["series"] for each in prediction.pop("neighbours")] == [None, None]
    assert json.dumps(document, separators=(",", ":")) == json.dumps(plain.json(), separators=(",", ":"))


def test_each_version_has_its_own_index(machine: ServerProcess) -> None:
    """One has no series, another no index: the problem says so, and what to do."""
    labels = ask(machine, "?version=2&neighbours=2").raise_for_status().json()
    assert labels["version"] == 2
    assert [each["series"] for each in labels["predictions"][0]["neighbours"]] == [None, None]
    assert labels["predictions"][0]["neighbours"][0]["index"] == 0
    for query, detail in (
        ("?version=2&neighbours=2&neighbours_series=true", "sealed without the series themselves"),
        ("?version=3&neighbours=2", "version 3 was sealed without an index of training series; remove"),
    ):
        refused = ask(machine, query)
        assert refused.status_code == 501
        assert detail in refused.json()["detail"]
    assert ask(machine, "?version=3").is_success


def test_the_contract_and_the_documents_describe_them(machine: ServerProcess) -> None:
    """`GET /model` has number, size and distance of the index; OpenAPI has parameters and field."""
    contract = plain_http.get(f"{machine.url}/model").json()["contract"]
    spec = contract["extra_outputs"]["content"]["neighbours"]
    assert (spec["number"], spec["distance"], spec["embedding"]["dimension"]) == (
        len(TRAINING),
        "euclidean",
        8,
    )
    document = plain_http.get(f"{machine.url}/openapi.json").json()
    parameters = document["paths"]["/predict"]["post"]["parameters"]
    assert {"neighbours", "neighbours_series"} <= {each["name"] for each in parameters}
    assert "neighbours" in document["components"]["schemas"]["Prediction"]["properties"]
    assert "distance" in document["components"]["schemas"]["Neighbour"]["properties"]


def test_the_client_finds_them(machine: ServerProcess) -> None:
    """In order, for more series than a request may return neighbours of."""
    many: Any = np.concatenate([TRAINING] * 6)  # 108 series, 20 neighbours of 72 values
    with Client(machine.url) as client:
        found = client.neighbours(many, 20)
        assert [each.neighbours[0].index for each in found if each.neighbours] == [
            place % len(TRAINING) for place in range(len(many))
        ]
        assert found[0].label == client.predict(TRAINING[:1])[0].label
        [one] = client.neighbours(TRAINING[3], 1, with_series=False)
        assert one.neighbours is not None
        assert (one.neighbours[0].index, one.neighbours[0].series) == (3, None)
        with pytest.raises(InvalidOptions, match="k is 21; a request takes 1 to 20 neighbours"):
            client.neighbours(TRAINING[:1], 21)


async def _ask_without_an_index(url: str) -> None:
    async with AsyncClient(url) as client:
        await client.neighbours(TRAINING[:1])


def test_the_client_passes_on_what_the_server_says(machine: ServerProcess, machine_versions: Path) -> None:
    """A version without an index is an error of one line. Last: it changes the version."""
    pin(machine_versions, 3)
    machine.wait_until(lambda: changes_to(machine, 3) == 2)
    with pytest.raises(ClientError, match="sealed without an index of training series"):
        asyncio.run(_ask_without_an_index(machine.url))
    assert machine.stop() == 0
    assert "Traceback" not in machine.log.read_text()
