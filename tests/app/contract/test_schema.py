"""`app.contract.schema`: what a contract may say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.contract import SCHEMA_VERSION, Artifact, Contract
from app.contract.optional_part import MAX_PART_BYTES

PARTS = ("extra_outputs", "explanation_reference", "drift_reference")


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


def document_of(artifact: Artifact) -> dict[str, Any]:
    """A contract's document, of the newest schema."""
    document: dict[str, Any] = json.loads(artifact.contract.model_dump_json())
    assert document["schema_version"] == SCHEMA_VERSION
    return document


def test_several_channels_are_of_the_third_schema_and_bounded(trusted_artifact: Artifact) -> None:
    """A server that reads an older one takes one channel for granted; all values of a series have a limit."""
    document = document_of(trusted_artifact)
    document["input"]["channels"] = 3
    assert Contract.model_validate(document).input.spec.shape == (16, 3)
    with pytest.raises(ValidationError, match="several channels came with schema_version 3; this says 1"):
        Contract.model_validate(document | {"schema_version": 1, "trust": None, "input": {
            **document["input"], "invariant_to_offset_and_scale": True}})  # fmt: skip
    document["input"]["channels"] = 2**17
    with pytest.raises(ValidationError, match="a series has 2097152 values in all; at most 1048576 are read"):
        Contract.model_validate(document)


@pytest.mark.parametrize("name", PARTS)
def test_an_optional_part_is_kept_and_its_files_are_digested(trusted_artifact: Artifact, name: str) -> None:
    """What a later server wrote is read, and written again as it was."""
    document = document_of(trusted_artifact)
    assert name not in document
    document[name] = {"files": ["later.npz"], "content": {"anything": [1, {"else": None}]}}
    with pytest.raises(ValidationError, match=r"files has no digest of later\.npz"):
        Contract.model_validate(document)
    document["files"]["later.npz"] = "0" * 64
    assert json.loads(Contract.model_validate(document).model_dump_json()) == document
    with pytest.raises(ValidationError, match=f"{name} came with schema_version 3; this says 2"):
        Contract.model_validate(document | {"schema_version": 2, "input": {"name": "series", "length": 16}})


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"content": {"a": "x" * MAX_PART_BYTES}}, "content is 65544 bytes of JSON; at most 65536"),
        ({"files": ["a"] * 17}, "at most 16 items"),
        ({"files": ["../a"]}, "String should match pattern"),
        ({"file": []}, "Extra inputs are not permitted"),
        ([], "should be a valid dictionary"),
    ],
)
def test_an_optional_part_has_a_form(trusted_artifact: Artifact, part: object, message: str) -> None:
    """It is no place for whatever there may be."""
    with pytest.raises(ValidationError, match=message):
        Contract.model_validate(document_of(trusted_artifact) | {"drift_reference": part})
