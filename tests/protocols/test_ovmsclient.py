"""Unmodified ovmsclient over HTTP, which speaks TensorFlow Serving's protocol."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.contract import Artifact
from tests.protocols.conftest import Served
from tests.protocols.expected import labels, probabilities


@pytest.fixture
def seen(served: Served) -> dict[str, Any]:
    """What the client saw."""
    return served.by("ovms")


def test_the_models_status(seen: dict[str, Any], artifact: Artifact) -> None:
    """AVAILABLE, without an error; its numbers become the client's."""
    status = seen["status"][str(artifact.contract.version)]
    assert status == {"state": "AVAILABLE", "error_code": 0, "error_message": ""}


@pytest.mark.parametrize("name", ["predict", "predict list"])
def test_predictions_in_columns(seen: dict[str, Any], name: str, artifact: Artifact) -> None:
    """From an array and from lists."""
    assert np.array(seen[name]["probabilities"]) == probabilities(artifact, 2)
    assert seen[name]["label"] == labels(artifact, 2)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("unknown model", "ModelNotFoundError", "nothing"),
        ("unknown version", "ModelNotFoundError", "99"),
        ("unknown version status", "ModelNotFoundError", "99"),
        ("error length", "InvalidInputError", "500"),
        ("error input", "InvalidInputError", "series"),
    ],
)
def test_errors_become_the_clients_own(seen: dict[str, Any], name: str, kind: str, words: str) -> None:
    """By their status, with the server's words."""
    assert seen[name]["raises"] == kind
    assert words in seen[name]["says"]


def test_metadata_are_passed_on(seen: dict[str, Any], artifact: Artifact) -> None:
    """As TensorFlow Serving writes them: the client unpacks only those of OpenVINO's own server."""
    metadata = seen["metadata"]
    assert metadata["model_spec"]["version"] == str(artifact.contract.version)
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert list(signature["inputs"]) == [artifact.contract.input.name]
    assert "probabilities" in signature["outputs"]
