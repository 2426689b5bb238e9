"""Artifacts that were sealed before open and compute, and old servers read what is sealed today.

`schema_3` was sealed by `tests.support.trusted` when schema 3 had one channel and no optional parts.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.contract import CONTRACT_FILE, open_artifact
from app.inference.engines import load_engine
from tests.conftest import ROOT

FORDA = ROOT / "model_artifacts" / "forda"
OLD = [(1, FORDA / "1"), (2, FORDA / "2"), (3, Path(__file__).parent / "schema_3")]


@pytest.mark.parametrize(("schema", "folder"), OLD, ids=lambda value: value if type(value) is int else "")
def test_an_old_artifact_opens_and_gives_its_golden_answers(schema: int, folder: Path) -> None:
    """One of every schema that there has been, as it was sealed."""
    artifact = open_artifact(folder)
    assert artifact.contract.schema_version == schema
    assert artifact.contract.input.channels == 1
    assert "sealed graph" in load_engine(artifact, choice="openvino", max_rows=8).description


def test_a_model_of_one_channel_is_still_sealed_as_it_was() -> None:
    """Nothing is written that a server of before would not know: not even a null for an optional part."""
    folder = OLD[-1][1]
    document = json.loads((folder / CONTRACT_FILE).read_text(encoding="utf-8"))
    assert json.loads(open_artifact(folder).contract.model_dump_json()) == document
