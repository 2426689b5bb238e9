"""`app.contract.artifact`: opening version folders."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.contract import Artifact, find_version, open_artifact
from app.errors import ArtifactError
from tests.app.contract.hostile import edit_contract, seal_anew


def test_the_committed_artifact_opens(artifact: Artifact) -> None:
    """The committed artifact keeps its own contract."""
    assert artifact.contract.name == "forda"
    assert artifact.contract.input.length == 500
    assert [label.name for label in artifact.contract.labels] == ["-1", "1"]
    assert artifact.contract.parameters <= 100_000
    assert len(artifact.golden.series) >= 2
    assert artifact.card.startswith("#")


def test_a_folder_of_versions_means_the_highest_complete_one(folder: Path) -> None:
    """Versions are compared as numbers, and one without a contract is not there yet."""
    shutil.copytree(folder, folder.parent / "2")
    shutil.copytree(folder, folder.parent / "10")
    (folder.parent / "11").mkdir()
    assert find_version(folder.parent) == folder.parent / "10"
    assert find_version(folder) == folder


@pytest.mark.parametrize("name", ["model.keras", "golden.npz", "openvino.bin", "openvino.xml", "CARD.md"])
def test_a_changed_file_is_named(folder: Path, name: str) -> None:
    """One changed byte in any file is found, and the line says which file."""
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=rf"{name}: damaged: SHA-256"):
        open_artifact(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    """A file that the contract names and the folder lacks is named."""
    (folder / "model.keras").unlink()
    with pytest.raises(ArtifactError, match=r"model\.keras: cannot be read \(No such file or directory\)"):
        open_artifact(folder)


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    """Nothing there: the line names the folder and the setting."""
    with pytest.raises(ArtifactError, match="no such folder; train one with `make train` or set ARTIFACT"):
        open_artifact(tmp_path / "nowhere")


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    """A folder without versions is told from a missing one."""
    with pytest.raises(ArtifactError, match=r"contains no contract\.json"):
        open_artifact(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d.update(schema_version=4),
            "schema_version 4 is too new: this server reads 1 to 3; upgrade",
        ),
        (lambda d: d.update(schema_version=10**9, later={}), "schema_version 1000000000 is too new"),
        (lambda d: d.update(schema_version=0), "schema_version: Input should be 1, 2 or 3"),
        (lambda d: d.update(surprise=1), "surprise: Extra inputs"),
        (lambda d: d["input"].update(length=0), "input/length"),
        (lambda d: d["input"].update(channels=0), "input/channels"),
        (
            lambda d: (d.update(schema_version=2), d["input"].update(channels=3)),
            "a model of several channels came with schema_version 3; .* 2",
        ),
        (lambda d: d["input"].update(channels=2**19), "input: .* a series has 262144000 values in all"),
        (lambda d: d["files"].pop("model.keras"), r"files has no digest of model\.keras"),
        (lambda d: d["files"].update({"../../etc/passwd": "0" * 64}), "files"),
        (lambda d: d["labels"].append(d["labels"][0]), "two labels have the same name"),
        (lambda d: d["output"].update(tolerance=0.5), "output/tolerance"),
    ],
)
def test_a_foreign_contract_is_refused_with_its_place(
    folder: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    """What does not follow the schema is refused in one line that says where."""
    edit_contract(folder, change)
    expected = rf"contract\.json: invalid contract: .*{message}"
    with pytest.raises(ArtifactError, match=expected) as info:
        open_artifact(folder)
    assert "\n" not in str(info.value)


def test_a_contract_that_is_no_json_is_refused(folder: Path) -> None:
    """Broken JSON is told as that."""
    (folder / "contract.json").write_text("{")
    with pytest.raises(ArtifactError, match="invalid contract: not JSON: Expecting"):
        open_artifact(folder)


def test_golden_answers_of_the_wrong_shape_are_refused(folder: Path) -> None:
    """Golden answers must fit the contract's length and classes."""
    column = np.zeros((2, 1), np.float32)
    np.savez(folder / "golden.npz", series=np.tile(column, 3), probabilities=np.zeros((2, 2)), novelty=column)
    seal_anew(folder, "golden.npz")
    with pytest.raises(ArtifactError, match=r"golden\.npz: series is float32\[2, 3\], not float32\[2, 500\]"):
        open_artifact(folder)


def test_golden_answers_include_the_novelty(trusted_artifact: Artifact) -> None:
    """Where the contract has trust, an engine's answer is held against all outputs, side by side."""
    golden = trusted_artifact.golden
    assert golden.answers.shape == (len(golden.series), trusted_artifact.contract.columns)
    np.testing.assert_array_equal(golden.answers[:, :-1], golden.probabilities)
    np.testing.assert_array_equal(golden.answers[:, -1:], golden.novelty)


@pytest.mark.parametrize("shape", [None, (9, 2), (9,)])
def test_a_golden_file_without_its_novelty_is_refused(
    trusted_artifact: Artifact, tmp_path: Path, shape: tuple[int, ...] | None
) -> None:
    """A contract with trust promises golden novelty, a column of it."""
    folder = Path(shutil.copytree(trusted_artifact.folder, tmp_path / "1"))
    golden = trusted_artifact.golden
    arrays: dict[str, Any] = {"series": golden.series, "probabilities": golden.probabilities}
    if shape is not None:
        arrays["novelty"] = np.zeros(shape, np.float32)
    np.savez(folder / "golden.npz", **arrays)
    seal_anew(folder, "golden.npz")
    with pytest.raises(ArtifactError, match=r"golden\.npz: .*novelty"):
        open_artifact(folder)


@pytest.mark.parametrize("series", [np.float32(0), np.zeros((0, 500), np.float32)])
def test_a_golden_file_without_series_is_refused(folder: Path, series: NDArray[np.float32]) -> None:
    """Nothing to prove an engine on is no proof."""
    nothing = np.zeros((0, 2), np.float32)
    np.savez(folder / "golden.npz", series=series, probabilities=nothing, novelty=nothing[:, :1])
    seal_anew(folder, "golden.npz")
    with pytest.raises(ArtifactError, match=r"golden\.npz: series is float32"):
        open_artifact(folder)


def test_a_derived_graph_of_another_model_is_not_offered(folder: Path) -> None:
    """A graph whose parent is not this `model.keras` might compute something else."""
    assert open_artifact(folder).derived("openvino") is not None
    edit_contract(folder, lambda d: d["derived"]["openvino"].update(parent_sha256="0" * 64))
    assert open_artifact(folder).derived("openvino") is None


def test_an_opened_artifact_needs_its_folder_no_more(tmp_path: Path, artifact: Artifact) -> None:
    """What is asked of it while it serves is in memory: someone may delete the folder meanwhile."""
    folder = tmp_path / "copy"
    shutil.copytree(artifact.folder, folder)
    opened = open_artifact(folder)
    shutil.rmtree(folder)
    assert opened.card == artifact.card
    np.testing.assert_array_equal(opened.golden.answers, artifact.golden.answers)
