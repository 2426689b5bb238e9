"""Unmodified client of KServe: V1 and V2 over REST, V2 over gRPC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.client.explanations.schemas import Explanation
from app.contract import Artifact
from tests.protocols.conftest import Ask, Served
from tests.protocols.expected import check_answer, check_refusal, labels, probabilities
from tests.support.explaining import write_explaining

SCRIPT = "kserve_client"


@pytest.fixture
def seen(served: Served) -> dict[str, Any]:
    """What the client saw."""
    return served.by(SCRIPT)


@pytest.mark.parametrize(
    "name",
    [
        *("v1 live", "v1 model ready", "v2 live", "v2 ready", "v2 model ready"),
        *("grpc live", "grpc ready", "grpc model ready"),
    ],
)
def test_health_and_readiness(seen: dict[str, Any], name: str) -> None:
    """Where the client looks for it in each protocol, in the form that it reads."""
    assert seen[name] is True


def test_an_unknown_model_is_not_ready(seen: dict[str, Any]) -> None:
    """V1's client raises, V2's say no."""
    check_refusal(seen["v1 unknown model ready"], "404", "nothing")
    assert seen["v2 unknown model ready"] is False
    assert seen["grpc unknown model ready"] is False


@pytest.mark.parametrize(
    "name", ["v2 infer JSON", "v2 infer binary", "grpc infer raw", "grpc infer contents"]
)
def test_inference(seen: dict[str, Any], name: str, artifact: Artifact) -> None:
    """In each form that the client can send."""
    check_answer(seen[name], artifact, 2)
    assert seen[name]["id"] == "order-66"


def test_v1_predicts_in_rows(seen: dict[str, Any], artifact: Artifact) -> None:
    """An object for each series, since the model has several outputs."""
    predictions = seen["v1 predict"]["predictions"]
    found = np.array([each["probabilities"] for each in predictions])
    assert found == probabilities(artifact, 2)
    assert [each["label"] for each in predictions] == labels(artifact, 2)


def test_v1_predicts_in_columns(seen: dict[str, Any], artifact: Artifact) -> None:
    """An array for each output."""
    outputs = seen["v1 predict columns"]["outputs"]
    assert np.array(outputs["probabilities"]) == probabilities(artifact, 2)
    assert outputs["label"] == labels(artifact, 2)


def test_v1_explains(ask: Ask, artifact: Artifact, tmp_path: Path) -> None:
    """An object for each series, of a version that has explanations."""
    seen = ask(SCRIPT, "v1 explain", ARTIFACT=str(write_explaining(artifact, tmp_path)))
    explanations = seen["v1 explain"]["explanations"]
    assert [each["label"] for each in explanations] == labels(artifact, 2)
    assert all(Explanation.model_validate(each).cells for each in explanations)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("v1 unknown model", "404", ["nothing"]),
        ("v1 error number", "400", ["null"]),
        ("v1 error length", "400", ["500"]),
        ("v1 error empty", "400", ["instances"]),
        ("v2 unknown model", "404", ["nothing"]),
        ("v2 too many series", "400", ["300", "256"]),
        ("grpc unknown model", "NOT_FOUND", ["nothing"]),
        ("grpc too many series", "INVALID_ARGUMENT", ["300", "256"]),
    ],
)
def test_errors_are_shown_to_the_user(seen: dict[str, Any], name: str, status: str, words: list[str]) -> None:
    """With the server's words: the client quotes them only from a form that it knows."""
    check_refusal(seen[name], status, *words)
