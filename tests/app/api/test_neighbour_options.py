"""`app.api.neighbour_options` and the JSON of neighbours."""

from __future__ import annotations

import json

import numpy as np
import pytest
from starlette.datastructures import QueryParams

from app.api.neighbour_options import check_neighbours, neighbours_of
from app.api.payloads.evidence.neighbours import NeighbourEncoder
from app.client.schemas import Neighbour
from app.contract import Artifact, Contract
from app.contract.neighbours import EmbeddingSpec, ExtraContent, ExtraOutputs, NeighboursSpec
from app.errors import ContractViolation, NotSealed
from app.inference.neighbours import NeighbourOptions, Neighbours

NPY = "application/x-npy"


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", None),
        ("neighbours=1", NeighbourOptions(1)),
        ("neighbours=20&neighbours_series=false", NeighbourOptions(20, with_series=False)),
        ("neighbours=5&neighbours_series=1", NeighbourOptions(5, with_series=True)),
    ],
)
def test_valid_options(query: str, options: NeighbourOptions | None) -> None:
    """No `neighbours`, no search."""
    assert neighbours_of(QueryParams(query), "application/json") == options
    assert neighbours_of(QueryParams(query), None) == options


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("neighbours=0", "expected a whole number from 1 to 20, got 0"),
        ("neighbours=21", "expected a whole number from 1 to 20, got 21"),
        ("neighbours=", "got an empty value"),
        ("neighbours=%2B3", r"got \+3"),
        ("neighbours=99999999999999999999", "expected a whole number"),
        ("neighbours=2&neighbours=3", "given 2 times"),
        ("neighbours=2&neighbours_series=maybe", "neighbours_series: expected true or false, got maybe"),
        ("neighbours_series=true", "neighbours_series: set without neighbours"),
    ],
)
def test_invalid_options(query: str, message: str) -> None:
    """Each is one line that names the parameter."""
    with pytest.raises(ContractViolation, match=message):
        neighbours_of(QueryParams(query), None)


@pytest.mark.parametrize("accept", [NPY, f"{NPY}; fields=all"])
def test_npy_has_no_neighbours(accept: str) -> None:
    """The response says what to send instead."""
    with pytest.raises(ContractViolation, match="send Accept: application/json or remove it"):
        neighbours_of(QueryParams("neighbours=2"), accept)


def test_a_version_without_an_index_says_how_to_get_one(plain_artifact: Artifact) -> None:
    """The parameter is refused, not ignored."""
    with pytest.raises(NotSealed, match="sealed without an index of training series; remove `neighbours`"):
        check_neighbours(NeighbourOptions(3), plain_artifact.contract, count=1)


def indexed(artifact: Artifact, *, number: int = 3000, series_error: float | None = 1e-5) -> Contract:
    """The committed contract with an index."""
    spec = NeighboursSpec(
        file="neighbours.npz",
        embedding=EmbeddingSpec(output="embedding", layer="embedding", dimension=4, tolerance=1e-3),
        number=number,
        bytes=1,
        training_file="Made_TRAIN.tsv",
        series_error=series_error,
        median_distance=1.0,
    )
    part = ExtraOutputs(files=(spec.file,), content=ExtraContent(neighbours=spec))
    return artifact.contract.model_copy(update={"extra_outputs": part})


def test_the_values_of_a_response_are_limited(artifact: Artifact) -> None:
    """200 series of 500 values; fewer training series than neighbours count as what there is."""
    contract = indexed(artifact)
    check_neighbours(NeighbourOptions(20), contract, count=10)
    message = r"11 x 20 series are 110,000 values; at most 100,000 a response: .* set neighbours_series=false"
    with pytest.raises(ContractViolation, match=message):
        check_neighbours(NeighbourOptions(20), contract, count=11)
    check_neighbours(NeighbourOptions(20, with_series=False), contract, count=256)
    check_neighbours(NeighbourOptions(20), indexed(artifact, number=10), count=20)
    check_neighbours(NeighbourOptions(20), indexed(artifact, series_error=None), count=256)


@pytest.mark.parametrize("channels", [None, 2])
def test_the_json_is_the_documents(channels: int | None) -> None:
    """Numbers read back as they were, labels may have any character, and series may be left out."""
    shape = (4,) if channels is None else (4, channels)
    series = np.random.default_rng(0).standard_normal((2, 3, *shape))
    found = Neighbours(
        rows=np.arange(6).reshape(2, 3),
        targets=np.array([[0, 1, 0], [1, 1, 1]]),
        distances=np.array([[0.1, 0.2, 0.3], [0, 1e-8, 3e7]], np.float32),
        series=series,
    )
    encode = NeighbourEncoder(['a"%s', "ü"])
    for place, text in enumerate(encode(found)):
        documents = [Neighbour.model_validate(each) for each in json.loads(text)]
        assert [each.index for each in documents] == found.rows[place].tolist()
        assert [each.label for each in documents] == [['a"%s', "ü"][t] for t in found.targets[place]]
        assert [np.float32(each.distance) for each in documents] == found.distances[place].tolist()
        assert [each.series for each in documents] == series[place].tolist()
    [first, _] = encode(found._replace(series=None))
    assert [each["series"] for each in json.loads(first)] == [None] * 3
