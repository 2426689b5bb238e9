"""`app.api.dialects.v2`: golden series get the artifact's golden answers, in every form."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.contract import Artifact
from app.inference.predictions import Postprocessor
from qa.harness.messages import Response
from tests.app.api.dialects.v2.bodies import HEADER, Answer, answer_of, as_v2, tensor

MOST = 8


def answer(client: TestClient, artifact: Artifact, body: bytes, size: int | None = None) -> Answer:
    """The answer to a body; the size of its JSON, if binary data follow."""
    headers = {} if size is None else {HEADER: str(size)}
    target = f"/v2/models/{artifact.contract.name}/infer"
    response = client.post(target, content=body, headers=headers)
    return answer_of(Response(response.status_code, response.headers, response.content))


@pytest.mark.parametrize("form", ["json", "binary", "raw"])
def test_golden_series_get_golden_answers(
    trusting: TestClient, trusted_artifact: Artifact, form: str
) -> None:
    """Probabilities within the contract's tolerance, and all that follows from them."""
    golden, contract = trusted_artifact.golden, trusted_artifact.contract
    count = 1 if form == "raw" else MOST
    series = np.ascontiguousarray(golden.series[:count], "<f4")
    if form == "json":
        got = answer(trusting, trusted_artifact, as_v2(series))
    elif form == "binary":
        parameters = {"binary_data_size": series.nbytes}
        document = {
            "inputs": [tensor(series, data=None, parameters=parameters)],
            "parameters": {"binary_data_output": True},
        }
        head = json.dumps(document).encode()
        got = answer(trusting, trusted_artifact, head + series.tobytes(), len(head))
    else:
        got = answer(trusting, trusted_artifact, series.tobytes(), 0)
    assert bool(got.binary) == (form != "json")
    expected = Postprocessor(contract)(golden.series[:count], golden.answers[:count])
    tolerance = contract.output.tolerance
    np.testing.assert_allclose(got.array("probabilities"), expected.probabilities, atol=tolerance)
    assert expected.ood_scores is not None
    np.testing.assert_allclose(got.array("ood_score"), expected.ood_scores, atol=tolerance)
    np.testing.assert_array_equal(got.array("label_set"), expected.label_sets)
    names = [label.name for label in contract.labels]
    assert got.texts("label") == [names[winner] for winner in expected.probabilities.argmax(axis=1)]


def test_forms_agree_to_the_last_bit(trusting: TestClient, trusted_artifact: Artifact) -> None:
    """JSON has the shortest text of the same float32 that binary has."""
    series = np.ascontiguousarray(trusted_artifact.golden.series[:1], "<f4")
    one = answer(trusting, trusted_artifact, as_v2(series))
    other = answer(trusting, trusted_artifact, series.tobytes(), 0)
    for name in ("probabilities", "label_set", "ood_score"):
        np.testing.assert_array_equal(one.array(name), other.array(name))
    assert one.texts("label") == other.texts("label")
