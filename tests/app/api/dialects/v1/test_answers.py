"""`app.api.dialects.v1.answers`: texts of predictions, whole batches and slices of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from app.api.dialects.v1.answers import Answers
from app.contract import Artifact, Contract, Label
from app.inference.predictions import Batch, BatchSlice, Prediction, Predictions

NAMES = ["a", 'q"ote', "100%s", "ü", "e", "f", "g", "h", "i"]


def contract_of(artifact: Artifact, classes: int) -> Contract:
    """A contract with trust and so many classes."""
    labels = tuple(Label(name=name, meaning="") for name in NAMES[:classes])
    return artifact.contract.model_copy(update={"labels": labels})


def prediction_of(predictions: Predictions, part: slice) -> Prediction:
    """That of one request in a batch of these."""
    batch = Batch(lambda: predictions, [len(predictions)])
    return Prediction(BatchSlice(batch, part), None, None, 0.0, 0.0, len(predictions))


def shortest(values: Any) -> Any:
    """Numbers as their float32's shortest texts read."""
    return [shortest(each) for each in values] if np.ndim(values) else float(str(values))


@pytest.mark.parametrize("classes", [2, 4, 9])
def test_all_forms_say_the_same(artifact: Artifact, classes: int) -> None:
    """Of a slice of a batch: numbers, labels of any characters, label sets."""
    random = np.random.default_rng(classes)
    predictions = Predictions(
        random.random((5, classes), np.float32),
        random.random((5, classes)) < 0.5,
        random.random(5, np.float32),
        np.zeros((5, 5), np.bool_),
    )
    part, answers = slice(1, 4), Answers(contract_of(artifact, classes))
    mine = predictions.of(part)
    assert mine.label_sets is not None
    assert mine.ood_scores is not None
    rows = json.loads(answers.rows(prediction_of(predictions, part)))["predictions"]
    columns = json.loads(answers.columns(prediction_of(predictions, part)))["outputs"]
    results = json.loads(answers.results(prediction_of(predictions, part)))["results"]
    expected = {
        "probabilities": shortest(mine.probabilities),
        "label": [NAMES[winner] for winner in mine.probabilities.argmax(axis=1)],
        "label_set": mine.label_sets.tolist(),
        "ood_score": shortest(mine.ood_scores),
    }
    assert columns == expected
    assert rows == [dict(zip(expected, each, strict=True)) for each in zip(*expected.values(), strict=True)]
    assert results == [
        [list(pair) for pair in zip(NAMES[:classes], each, strict=True)] for each in expected["probabilities"]
    ]


def test_a_batch_is_written_once(artifact: Artifact) -> None:
    """For all of its requests, in whatever form."""
    computed = []

    def compute() -> Predictions:
        computed.append(1)
        return Predictions(np.full((2, 2), 0.5, np.float32))

    contract = artifact.contract.model_copy(update={"trust": None})
    answers, batch = Answers(contract), Batch(compute, [1, 1])
    both = [Prediction(BatchSlice(batch, slice(i, i + 1)), None, None, 0.0, 0.0, 2) for i in range(2)]
    texts = {answers.rows(each) for each in both} | {answers.columns(each) for each in both}
    assert texts == {
        b'{"predictions":[{"probabilities":[0.5,0.5],"label":"-1"}]}',
        b'{"outputs":{"probabilities":[[0.5,0.5]],"label":["-1"]}}',
    }
    assert computed == [1]
