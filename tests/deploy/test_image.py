"""Which golden answers the image check compares with: those of the version that the image serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.contract import CONTRACT_FILE, GOLDEN_FILE, PIN_FILE, find_version
from deploy.check import CheckFailed
from deploy.image import golden_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of versions, some of whose names are none."""
    for name in ("1", "2", "10", "011", "3.old", "backup", "٣"):
        (tmp_path / name).mkdir()
        for file in (CONTRACT_FILE, GOLDEN_FILE):
            (tmp_path / name / file).touch()
    return tmp_path


def test_it_is_the_highest(folder: Path) -> None:
    """As the server has it, whatever other folders there are."""
    assert golden_folder(folder) == find_version(folder) == folder / "10"


def test_it_is_the_pinned_one(folder: Path) -> None:
    """The image has the pin file, too."""
    (folder / PIN_FILE).write_text("2\n")
    assert golden_folder(folder) == find_version(folder) == folder / "2"


@pytest.mark.parametrize("pinned", [None, "3"])
def test_without_golden_answers_the_check_fails(tmp_path: Path, pinned: str | None) -> None:
    """In a line, not in a trace."""
    if pinned:
        (tmp_path / PIN_FILE).write_text(pinned)
    with pytest.raises(CheckFailed, match=r"has no golden\.npz to compare answers with"):
        golden_folder(tmp_path)
