"""A new graph for a version's model is a version of its own."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from app.contract import CARD_FILE, CONTRACT_FILE, MODEL_FILE, SCHEMA_VERSION, open_artifact, sha256_of
from tests.training.faults import largest_file
from training.artifact.rederive import main
from training.artifact.seal import verify

COMMITTED = Path(__file__).parents[3] / "model_artifacts" / "forda"
GRAPH = {"openvino.xml", "openvino.bin"}


def test_only_the_graph_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next version has the same model, golden answers and report; its card names the new graph."""
    first = tmp_path / "forda" / "7"
    shutil.copytree(COMMITTED / "2", first)
    assert main([str(first)]) == 0
    second = tmp_path / "forda" / "8"
    assert capsys.readouterr().out == f"sealed {second}\n"
    old, new = open_artifact(first), open_artifact(second)
    assert new.contract.version == 8
    assert new.contract.created > old.contract.created
    differing = {
        name for name, digest in new.contract.files.items() if digest != old.contract.files.get(name)
    }
    assert differing == {*GRAPH, CARD_FILE}
    assert new.contract.files.keys() == old.contract.files.keys()
    assert {path.name for path in second.iterdir()} == {CONTRACT_FILE, *new.contract.files}
    assert new.contract.schema_version == SCHEMA_VERSION
    its_own = {"schema_version", "version", "created", "files", "provenance"}
    assert new.contract.model_dump(exclude=its_own) == old.contract.model_dump(exclude=its_own)
    assert new.card.startswith(old.card)
    assert "Everything is as in version 2, except the OpenVINO graph" in new.card
    assert new.derived("openvino") == [second / "openvino.xml", second / "openvino.bin"]
    assert max(verify(second).values()) < 2e-5


def test_an_invalid_artifact_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 1, and nothing is published."""
    assert main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_one_line_and_leaves_no_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that Keras refuses and a full disk are one line each."""
    first = tmp_path / "forda" / "7"
    shutil.copytree(COMMITTED / "2", first)
    path = first / CONTRACT_FILE
    contract = json.loads(path.read_text(encoding="utf-8"))
    (first / MODEL_FILE).write_bytes(b"no model")
    contract["files"][MODEL_FILE] = contract["derived"]["openvino"]["parent_sha256"] = sha256_of(
        first / MODEL_FILE
    )
    path.write_text(json.dumps(contract), encoding="utf-8")
    assert main([str(first)]) == 1
    error = capsys.readouterr().err
    assert "model.keras: cannot be loaded: " in error
    assert error.count("\n") == 1

    shutil.copyfile(COMMITTED / "2" / MODEL_FILE, first / MODEL_FILE)
    (first / CONTRACT_FILE).write_bytes((COMMITTED / "2" / CONTRACT_FILE).read_bytes())
    with largest_file(100):
        assert main([str(first)]) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(r"error: \S+/\.8\.partial/\S+: cannot be written \(File too large\); .+\n", error)
    assert [child.name for child in first.parent.iterdir()] == ["7"]
