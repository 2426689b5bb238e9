"""V1's predictions of golden series by the real engine, on both paths and in all forms."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from app.contract import Artifact
from app.inference.engines import load_engine
from app.inference.predictions import Postprocessor
from tests.app.api.dialects.v1.asked import BOTH_PATHS, asking, content_of
from tests.app.conftest import MAX_ROWS
from tests.app.http.played import play, serving, until
from tests.support.fakes import FakeEngine

COUNT = 4
FORMS = ["instances", "instances by name", "inputs", "inputs by name", "examples"]


def document_of(form: str, series: Any) -> dict[str, Any]:
    """A request in a form."""
    named = [{"series": each} for each in series]
    return {
        "instances": {"instances": series},
        "instances by name": {"instances": named},
        "inputs": {"inputs": series},
        "inputs by name": {"inputs": {"series": series}},
        "examples": {"examples": named},
    }[form]


def columns_of(document: dict[str, Any], labels: list[str]) -> dict[str, list[Any]]:
    """The outputs of a response, whatever its form."""
    [(name, found)] = document.items()
    if name == "outputs":
        columns: dict[str, list[Any]] = found
        return columns
    if name == "results":
        assert [[label for label, _ in each] for each in found] == [labels] * len(found)
        return {"probabilities": [[score for _, score in each] for each in found]}
    assert name == "predictions"
    return {each: [row[each] for row in found] for each in found[0]}


@BOTH_PATHS
@pytest.mark.parametrize("form", FORMS)
def test_golden_answers_come_in_every_form(trusted_artifact: Artifact, query: str, form: str) -> None:
    """With labels, label sets and OOD scores as the contract has them."""
    contract, golden = trusted_artifact.contract, trusted_artifact.golden
    load = partial(load_engine, trusted_artifact, choice="openvino", max_rows=MAX_ROWS, threads=1)
    labels = [label.name for label in contract.labels]
    expected = Postprocessor(contract)(golden.series[:COUNT], golden.answers[:COUNT])
    label_sets, ood_scores = expected.label_sets, expected.ood_scores
    assert label_sets is not None
    assert ood_scores is not None

    async def scenario() -> None:
        async with serving(trusted_artifact, FakeEngine(), load=load) as played:
            await until(lambda: played.service.status().ready)
            series = golden.series[:COUNT].astype(float).tolist()
            method = "classify" if form == "examples" else "predict"
            target = f"/v1/models/{contract.name}:{method}"
            answer = await played.connect().ask(asking(document_of(form, series), to=target, query=query))
            found = columns_of(content_of(answer), labels)
            assert played.went_on == ([] if not query else [("POST", target)])
            tolerance = contract.output.tolerance
            np.testing.assert_allclose(found["probabilities"], expected.probabilities, atol=tolerance)
            if form == "examples":
                return
            assert list(found) == ["probabilities", "label", "label_set", "ood_score"]
            winners = expected.probabilities.argmax(axis=1)
            assert found["label"] == [labels[winner] for winner in winners]
            assert found["label_set"] == label_sets.tolist()
            np.testing.assert_allclose(found["ood_score"], ood_scores, atol=tolerance)

    play(scenario())
