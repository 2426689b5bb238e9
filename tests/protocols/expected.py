"""What the clients must see, from the artifact's golden answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app.contract import Artifact
from tests.protocols.clients import HTTP

OUTPUTS = ("probabilities", "label", "label_set", "ood_score")
# What tritonclient says if it cannot read an error, instead of the server's words.
UNREADABLE = "exception occurred in the client"
_GRPC_STATUSES = {
    "400": "INVALID_ARGUMENT",
    "401": "UNAUTHENTICATED",
    "404": "NOT_FOUND",
    "503": "UNAVAILABLE",
    "504": "DEADLINE_EXCEEDED",
}


def status(script: str, number: str) -> str:
    """A status of HTTP as a script of tritonclient sees it: over gRPC it is that of gRPC."""
    return number if script in HTTP else _GRPC_STATUSES[number]


def probabilities(artifact: Artifact, count: int) -> Any:
    """Of the first golden series, repeated, to compare with."""
    golden = np.resize(artifact.golden.probabilities, (count, artifact.contract.classes))
    return pytest.approx(golden, rel=0, abs=artifact.contract.output.tolerance)


def labels(artifact: Artifact, count: int) -> list[str]:
    """The most probable labels of these."""
    names = [label.name for label in artifact.contract.labels]
    winners = np.resize(artifact.golden.probabilities, (count, len(names))).argmax(axis=1)
    return [names[winner] for winner in winners]


def check_answer(answer: Any, artifact: Artifact, count: int, *, outputs: tuple[str, ...] = OUTPUTS) -> None:
    """An answer is that of the model to the first golden series, with these outputs."""
    assert "raises" not in answer, answer
    assert answer["model"] == artifact.contract.name
    assert answer["version"] in (str(artifact.contract.version), None)  # KServe's client loses it over REST
    classes = artifact.contract.classes
    assert tuple(answer["outputs"]) == outputs
    heads = {
        "probabilities": ("FP32", [count, classes]),
        "label": ("BYTES", [count]),
        "label_set": ("BOOL", [count, classes]),
        "ood_score": ("FP32", [count]),
    }
    for name in outputs:
        tensor = answer["outputs"][name]
        assert (tensor["datatype"], tensor["shape"]) == heads[name]
        assert np.shape(tensor["values"]) == tuple(tensor["shape"])
    assert np.array(answer["outputs"]["probabilities"]["values"]) == probabilities(artifact, count)
    if "label" in outputs:
        assert answer["outputs"]["label"]["values"] == labels(artifact, count)
    if "ood_score" in outputs:
        assert all(0 <= score <= 1 for score in answer["outputs"]["ood_score"]["values"])


def check_refusal(found: Any, status: str, *words: str) -> None:
    """The client raised an error with this status and the server's own words."""
    assert "raises" in found, found
    assert str(found["status"]) in (status, f"StatusCode.{status}"), found
    assert UNREADABLE not in found["says"]
    for word in words:
        assert word in found["says"]
