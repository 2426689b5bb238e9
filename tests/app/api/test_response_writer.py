"""`app.api.response_writer`: what is made for a batch and what is told of each of its requests."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from app.api.response_writer import MANY, AnswerWriter
from app.contract import Artifact
from app.errors import EngineError
from app.inference.predictions import Batch, Predictions, Share
from app.telemetry.metrics import Metrics


def shares(probabilities: NDArray[np.float32], sizes: list[int]) -> list[Share]:
    """The requests of a batch of a model without trust."""
    batch = Batch(lambda: Predictions(probabilities), sizes)
    return [Share(batch, number) for number in range(len(sizes))]


def labels(body: bytes) -> list[str]:
    """The label of each series of a JSON answer."""
    return [prediction["label"] for prediction in json.loads(body)["predictions"]]


def test_each_request_is_told_of_its_own_series(plain_artifact: Artifact) -> None:
    """In order, whatever media type the others of the batch asked for."""
    write = AnswerWriter(plain_artifact.contract, Metrics())
    first, second, third = shares(np.array([[1, 0], [0, 1], [0, 1], [1, 0]], np.float32), [1, 2, 1])
    assert labels(write(first, accept=None, abstain=False)[0]) == ["-1"]
    assert write(second, accept="application/x-npy", abstain=False)[1] == "application/x-npy"
    assert labels(write(third, accept=None, abstain=False)[0]) == ["-1"]
    assert labels(write(second, accept=None, abstain=False)[0]) == ["1", "1"]


def test_a_number_that_is_not_finite_fails_its_own_request_alone(plain_artifact: Artifact) -> None:
    """The others of the batch get their answers; what failed is not counted."""
    metrics = Metrics()
    write = AnswerWriter(plain_artifact.contract, metrics)
    first, second = shares(np.array([[1, 0], [0, 1], [np.nan, np.nan]], np.float32), [1, 2])
    for accept in (None, "application/x-npy"):
        with pytest.raises(EngineError, match=r"not finite \(series 1, class 0\)"):
            write(second, accept=accept, abstain=False)
    assert labels(write(first, accept=None, abstain=False)[0]) == ["-1"]
    counted = metrics.render().decode().splitlines()
    version = f'version="{plain_artifact.contract.version}"'
    assert f'timeseries_predictions_total{{label="-1",{version}}} 1.0' in counted
    assert f'timeseries_predictions_total{{label="1",{version}}} 0.0' in counted
    assert f"timeseries_confidence_sum{{{version}}} 1.0" in counted


def counted(said: Predictions, sizes: list[int], artifact: Artifact) -> dict[str, float]:
    """Every metric of predictions once they are answered, as so many requests that want no unsure label."""
    metrics = Metrics()
    write = AnswerWriter(artifact.contract, metrics)
    batch = Batch(lambda: said, sizes)
    for number in range(len(sizes)):
        write(Share(batch, number), accept=None, abstain=True)
    lines = [line.rpartition(" ") for line in metrics.render().decode().splitlines() if line[0] != "#"]
    return {
        name: float(value) for name, _, value in lines if f'version="{artifact.contract.version}"' in name
    }


def test_a_request_of_many_series_counts_as_many_of_one(trusted_artifact: Artifact) -> None:
    """The very same in labels, confidences, label sets, warnings and abstentions."""
    random = np.random.default_rng(0)
    rows, classes = MANY + 8, trusted_artifact.contract.classes
    said = Predictions(
        random.dirichlet([0.5] * classes, rows).astype(np.float32),
        random.random((rows, classes)) < 0.5,
        random.random(rows).astype(np.float32),
        random.random((rows, 4)) < 0.3,
    )
    one_by_one = counted(said, [1] * rows, trusted_artifact)
    together = counted(said, [rows], trusted_artifact)
    assert sum(value for name, value in together.items() if "predictions_total" in name) == rows
    assert sum(value for name, value in together.items() if "abstained" in name) > 0
    assert together == pytest.approx(one_by_one, rel=1e-9)


@pytest.mark.parametrize("rows", [1, MANY + 8])
@pytest.mark.parametrize("kind", ["plain_artifact", "trusted_artifact"])
def test_lost_precision_is_told_of_its_request_alone(
    kind: str, rows: int, request: pytest.FixtureRequest
) -> None:
    """Each series by itself, beside its other warnings, counted, and of a model without trust as well."""
    artifact: Artifact = request.getfixturevalue(kind)
    metrics = Metrics()
    write = AnswerWriter(artifact.contract, metrics)
    probabilities = np.full((rows + 1, artifact.contract.classes), 0.5, np.float32)
    said = Predictions(probabilities)
    flat = np.zeros((rows + 1, 4), np.bool_)
    flat[:, 0] = artifact.contract.trust is not None
    if artifact.contract.trust:
        said = Predictions(probabilities, probabilities > 0, probabilities[:, 0], flat)
    batch = Batch(lambda: said, [rows, 1])
    coarse = np.arange(rows) == 0
    answers = [
        json.loads(write(Share(batch, number), accept=None, abstain=False, coarse=mark)[0])["predictions"]
        for number, mark in ((0, coarse), (1, None))
    ]
    usual = ["flat"] if artifact.contract.trust else []
    codes = [[warning["code"] for warning in one["warnings"]] for part in answers for one in part]
    assert codes == [[*usual, "precision_lost"], *[usual] * rows]
    write(Share(batch, 0), accept="application/x-npy", abstain=False, coarse=coarse)
    counts = metrics.render().decode()
    version = artifact.contract.version
    assert f'timeseries_warnings_total{{code="precision_lost",version="{version}"}} 2.0' in counts
    confidence = f'timeseries_confidence_count{{version="{version}"}} {2 * rows + 1}.0'
    assert confidence in counts
