"""`app.inference.prediction_builder`: what each request of a batch gets, and what is counted of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from app.api.payloads import NPY, Encoders
from app.contract import Artifact
from app.errors import EngineError
from app.inference.batching import BatchResult
from app.inference.prediction_builder import PredictionBuilder
from app.inference.predictions import Batch, BatchSlice, Prediction, Predictions
from app.telemetry.metrics import Metrics

ROWS = 40


def answers(said: Predictions, sizes: list[int]) -> list[BatchResult[BatchSlice]]:
    """What the batcher answers to requests of so many series each."""
    batch = Batch(lambda: said, sizes)
    starts = zip(batch.starts, batch.starts[1:], strict=False)
    return [BatchResult(BatchSlice(batch, slice(*part)), 0.001, 0.002, sum(sizes)) for part in starts]


def labels(artifact: Artifact, prediction: Prediction) -> list[str]:
    """The label of each series of a JSON answer."""
    body = Encoders(artifact.contract).json(prediction)
    return [one["label"] for one in json.loads(body)["predictions"]]


def test_each_request_gets_the_predictions_of_its_own_series(plain_artifact: Artifact) -> None:
    """In order, whatever media type the others of the batch asked for, with the times of its batch."""
    complete = PredictionBuilder(plain_artifact.contract, Metrics().predictions)
    said = Predictions(np.array([[1, 0], [0, 1], [0, 1], [1, 0]], np.float32))
    encoders = Encoders(plain_artifact.contract)
    first, second, third = (complete(answer) for answer in answers(said, [1, 2, 1]))
    assert labels(plain_artifact, first) == ["-1"]
    assert encoders.for_accept(NPY)(second).startswith(b"\x93NUMPY")
    assert labels(plain_artifact, third) == ["-1"]
    assert labels(plain_artifact, second) == ["1", "1"]
    assert (second.queued, second.ran, second.batch_rows) == (0.001, 0.002, 4)


def test_a_number_that_is_not_finite_fails_its_own_request_alone(plain_artifact: Artifact) -> None:
    """The others of the batch get their answers; what failed is not counted."""
    metrics = Metrics()
    complete = PredictionBuilder(plain_artifact.contract, metrics.predictions)
    said = Predictions(np.array([[1, 0], [0, 1], [np.nan, np.nan]], np.float32))
    first, second = answers(said, [1, 2])
    for _ in range(2):
        with pytest.raises(EngineError, match=r"not finite \(series 1, class 0\)"):
            complete(second)
    assert labels(plain_artifact, complete(first)) == ["-1"]
    counted = metrics.render().decode().splitlines()
    version = f'version="{plain_artifact.contract.version}"'
    assert f'timeseries_predictions_total{{label="-1",{version}}} 1.0' in counted
    assert f'timeseries_predictions_total{{label="1",{version}}} 0.0' in counted
    assert f"timeseries_confidence_sum{{{version}}} 1.0" in counted


def counted(said: Predictions, sizes: list[int], artifact: Artifact) -> dict[str, float]:
    """Every metric of predictions once they are answered, as so many requests that want no unsure label."""
    metrics = Metrics()
    complete = PredictionBuilder(artifact.contract, metrics.predictions)
    for answer in answers(said, sizes):
        complete(answer, abstain=True)
    lines = [line.rpartition(" ") for line in metrics.render().decode().splitlines() if line[0] != "#"]
    return {
        name: float(value) for name, _, value in lines if f'version="{artifact.contract.version}"' in name
    }


def test_a_request_of_many_series_counts_as_many_of_one(trusted_artifact: Artifact) -> None:
    """The very same in labels, confidences, label sets, warnings and abstentions."""
    random = np.random.default_rng(0)
    classes = trusted_artifact.contract.classes
    said = Predictions(
        random.dirichlet([0.5] * classes, ROWS).astype(np.float32),
        random.random((ROWS, classes)) < 0.5,
        random.random(ROWS).astype(np.float32),
        random.random((ROWS, 4)) < 0.3,
    )
    one_by_one = counted(said, [1] * ROWS, trusted_artifact)
    together = counted(said, [ROWS], trusted_artifact)
    assert sum(value for name, value in together.items() if "predictions_total" in name) == ROWS
    assert sum(value for name, value in together.items() if "abstained" in name) > 0
    assert together == pytest.approx(one_by_one, rel=1e-9)


@pytest.mark.parametrize("rows", [1, ROWS])
@pytest.mark.parametrize("kind", ["plain_artifact", "trusted_artifact"])
def test_lost_precision_is_reported_for_its_request_alone(
    kind: str, rows: int, request: pytest.FixtureRequest
) -> None:
    """Each series by itself, beside its other warnings, counted, and of a model without trust as well."""
    artifact: Artifact = request.getfixturevalue(kind)
    metrics = Metrics()
    complete = PredictionBuilder(artifact.contract, metrics.predictions)
    probabilities = np.full((rows + 1, artifact.contract.classes), 0.5, np.float32)
    said = Predictions(probabilities)
    flat = np.zeros((rows + 1, 4), np.bool_)
    flat[:, 0] = artifact.contract.trust is not None
    if artifact.contract.trust:
        said = Predictions(probabilities, probabilities > 0, probabilities[:, 0], flat)
    coarse = np.arange(rows) == 0
    both = answers(said, [rows, 1])
    marks: list[NDArray[np.bool_] | None] = [coarse, None]
    write = Encoders(artifact.contract).json
    parts = [
        json.loads(write(complete(answer, coarse=mark)))["predictions"]
        for answer, mark in zip(both, marks, strict=True)
    ]
    usual = ["flat"] if artifact.contract.trust else []
    codes = [[warning["code"] for warning in one["warnings"]] for part in parts for one in part]
    assert codes == [[*usual, "precision_lost"], *[usual] * rows]
    complete(both[0], coarse=coarse)
    counts = metrics.render().decode()
    version = artifact.contract.version
    assert f'timeseries_warnings_total{{code="precision_lost",version="{version}"}} 2.0' in counts
    confidence = f'timeseries_confidence_count{{version="{version}"}} {2 * rows + 1}.0'
    assert confidence in counts
