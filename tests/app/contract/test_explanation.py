"""`app.contract.explanation`: the typed part `explanation_reference`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from app.contract import Artifact, Contract
from tests.support.explanation_reference import explained


@pytest.fixture
def document(trusted_artifact: Artifact) -> dict[str, Any]:
    """A contract with the part, as JSON."""
    series = np.random.default_rng(0).standard_normal((5, 16)).astype(np.float32)
    found: dict[str, Any] = json.loads(explained(trusted_artifact, series).contract.model_dump_json())
    return found


def test_the_part_survives_json(document: dict[str, Any]) -> None:
    """In the shape of a optional part, so that older servers read the version, too."""
    contract = Contract.model_validate(document)
    assert json.loads(contract.model_dump_json()) == document
    assert set(document["explanation_reference"]) == {"files", "content"}
    assert contract.explanation_reference is not None
    found = contract.explanation_reference.content.perturbations
    assert found is not None
    assert found.time.perturbation == "smooth_window"


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("time", "perturbation"), "magic", "smooth_window"),
        (("cells", "bands"), 0, "greater than or equal to 1"),
        (
            ("median_power",),
            [[1.0], [1.0]],
            "2 rows, but the input has 1 channels",
        ),
        (("median_power",), [[1.0] * 9], "there are 9 bands, but the input has 8 frequencies"),
        (("cells", "bands"), 9, "there are 9 bands"),
        (("time", "windows"), 17, "there are 17 windows, but the input has 16 time steps"),
        (("median_power",), [[1.0], [1.0, 2.0]], "rows of different lengths"),
        (("median_power",), [[-1.0]], "greater than or equal to 0"),
    ],
)
def test_a_wrong_part_is_refused(
    document: dict[str, Any], place: tuple[str, ...], value: object, message: str
) -> None:
    """The message says what is wrong."""
    part = document["explanation_reference"]["content"]["perturbations"]
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    with pytest.raises(ValidationError, match=message):
        Contract.model_validate(document)
