"""`app.contract.schema`: what a contract may say."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from app.contract import Artifact, Contract


def test_the_contract_survives_json(artifact: Artifact, trusted_artifact: Artifact) -> None:
    """Reading back what was written gives the same contract, with trust and without."""
    for contract in (artifact.contract, trusted_artifact.contract):
        assert Contract.model_validate_json(contract.model_dump_json()) == contract


def test_a_contract_without_trust_has_one_output(artifact: Artifact) -> None:
    """An answer's columns are then the classes alone."""
    bare = artifact.contract.model_copy(update={"trust": None})
    assert bare.outputs == ("probabilities",)
    assert bare.columns == bare.classes == 2


def test_a_contract_with_trust_has_a_second_output(trusted_artifact: Artifact) -> None:
    """The novelty is one more column."""
    contract = trusted_artifact.contract
    assert contract.outputs == ("probabilities", "novelty")
    assert (contract.classes, contract.columns) == (2, 3)


def test_two_outputs_have_two_names(trusted_artifact: Artifact) -> None:
    """Outputs are found by their names."""
    document = json.loads(trusted_artifact.contract.model_dump_json())
    document["trust"]["novelty"]["name"] = "probabilities"
    with pytest.raises(ValidationError, match="both outputs are named probabilities"):
        Contract.model_validate(document)


def test_trust_belongs_to_the_second_schema(trusted_artifact: Artifact) -> None:
    """A contract that says it follows the first and has trust was not written by either."""
    document = json.loads(trusted_artifact.contract.model_dump_json())
    document["schema_version"] = 1
    with pytest.raises(ValidationError, match="trust came with schema_version 2"):
        Contract.model_validate(document)
