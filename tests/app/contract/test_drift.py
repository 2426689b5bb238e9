"""`app.contract.drift`: the reference for drift, in a field that older servers read by its shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.contract import Artifact, Contract
from app.contract.optional_part import OptionalPart
from tests.support.drift import with_reference


@pytest.fixture
def document(trusted_artifact: Artifact) -> dict[str, Any]:
    """The contract of the small artifact with a reference, as JSON."""
    found: dict[str, Any] = json.loads(with_reference(trusted_artifact.contract).model_dump_json())
    return found


def test_a_reference_is_read_as_it_was_written(document: dict[str, Any]) -> None:
    """And servers of the same schema that know its shape alone read it, too."""
    contract = Contract.model_validate_json(json.dumps(document), strict=True)
    assert contract.drift is not None
    assert contract.drift.views[0].series == 2000
    assert json.loads(contract.model_dump_json()) == document
    assert OptionalPart.model_validate(document["drift_reference"]).files == ()


def test_what_a_later_release_adds_is_kept(document: dict[str, Any]) -> None:
    """Beside the reference, or in its place."""
    document["drift_reference"]["content"]["later"] = [1, 2]
    contract = Contract.model_validate(document)
    assert contract.drift is not None
    assert json.loads(contract.model_dump_json()) == document
    del document["drift_reference"]["content"]["reference"]
    assert Contract.model_validate(document).drift is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"series": 1999}, "labels counts 2000 series, not 1999"),
        ({"ood_score": [2000]}, "the cells do not fit the edges"),
        ({"labels": [500, 500, 1000]}, "drift_reference is of another model"),
        ({"unknown": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_reference_that_does_not_fit_is_refused(
    document: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    """Its counts are compared with counts of the same cells."""
    document["drift_reference"]["content"]["reference"]["views"][0] |= changes
    with pytest.raises(ValidationError, match=message):
        Contract.model_validate(document)


def test_a_reference_needs_trust(document: dict[str, Any]) -> None:
    """Without it there are no OOD scores."""
    document["trust"] = None
    with pytest.raises(ValidationError, match="it needs trust"):
        Contract.model_validate(document)
