"""Sealing with a full disk, a vanished folder or a second writer: an error in one line, and no version."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.contract import MODEL_FILE, find_version
from app.errors import ArtifactError
from tests.training.faults import largest_file
from tests.training.report.reports import a_note, contract_details
from training.artifact.export import save_openvino
from training.artifact.seal import open_sealed, seal, verify
from training.artifact.version_folder import new_version
from training.data.ucr import Dataset
from training.errors import SealError, StorageError
from training.fit.result import TrainingResult
from training.report.report import Report
from training.report.write import write_report


@pytest.fixture(scope="module")
def model(untrained_result: TrainingResult) -> Any:
    """A tiny model, untrained."""
    return untrained_result.model


@pytest.mark.parametrize(
    ("size", "file"),
    [
        (0, r"\.lock"),
        (300, r"model\.keras"),
        (50_000, r"model\.keras"),
    ],
)
def test_a_full_disk_is_one_line_and_leaves_no_files(
    model: Any, wave_dataset: Dataset, tmp_path: Path, size: int, file: str
) -> None:
    """A full disk is one line for each file and library; the next call succeeds."""
    with largest_file(size), pytest.raises(StorageError) as caught:
        seal(model, wave_dataset, contract_details(wave_dataset), out=tmp_path, write_report=a_note)
    assert re.fullmatch(rf"{tmp_path}/waves/\S*{file}: cannot be written \(.+\); .+", str(caught.value))
    assert list((tmp_path / "waves").iterdir()) == []
    with pytest.raises(ArtifactError):
        find_version(tmp_path / "waves")


@pytest.mark.parametrize("size", [0, 1000, 60_000])
def test_a_graph_that_does_not_fit_is_one_line(model: Any, tmp_path: Path, size: int) -> None:
    """OpenVINO's stream error becomes one line."""
    with largest_file(size), pytest.raises(StorageError) as caught:
        save_openvino(model, tmp_path)
    assert re.fullmatch(r"\S+/openvino\.xml: cannot be written \(.+\); check that .+", str(caught.value))


def test_a_report_that_cannot_be_written_is_one_line(
    model: Any, wave_dataset: Dataset, tmp_path: Path, full_report: Report
) -> None:
    """A disk that is full after the model was written is one line."""

    def write(folder: Path) -> tuple[str, ...]:
        with largest_file(10_000):
            return write_report(full_report, folder)

    with pytest.raises(
        StorageError, match=r"/\.1\.partial: cannot be written \(File too large\); raise the limit"
    ):
        seal(model, wave_dataset, contract_details(wave_dataset), out=tmp_path, write_report=write)
    assert list((tmp_path / "waves").iterdir()) == []


def test_a_folder_that_vanishes_is_one_line(model: Any, wave_dataset: Dataset, tmp_path: Path) -> None:
    """A folder deleted during sealing is not published, even if a library recreates it."""

    def vanish(folder: Path) -> list[str]:
        shutil.rmtree(folder)
        save_openvino(model, folder)
        return a_note(folder)

    with pytest.raises((ArtifactError, SealError), match=r"cannot be (read|opened)"):
        seal(model, wave_dataset, contract_details(wave_dataset), out=tmp_path, write_report=vanish)
    assert list((tmp_path / "waves").iterdir()) == []


def test_a_version_that_is_damaged_as_it_is_published_is_withdrawn(
    model: Any, wave_dataset: Dataset, tmp_path: Path
) -> None:
    """A version altered between verification and publication is withdrawn."""
    folder = seal(model, wave_dataset, contract_details(wave_dataset), out=tmp_path, write_report=a_note)

    def damage() -> None:
        with new_version(folder.parent, open_sealed) as (new, _):
            shutil.copytree(folder, new, dirs_exist_ok=True)
            verify(new)
            (new / MODEL_FILE).write_bytes(b"another process' model")

    with pytest.raises(SealError, match=r"/2/model\.keras: damaged"):
        damage()
    assert [path.name for path in folder.parent.iterdir()] == ["1"]
