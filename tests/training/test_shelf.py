"""A new version is on the shelf as a whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.shelf import new_version, next_version


def test_versions_count_up(tmp_path: Path) -> None:
    """From the highest number, whatever else is there; an empty shelf begins with 1."""
    assert next_version(tmp_path) == 1
    for name in ("2", "10", "notes", ".11.partial"):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == 11


def test_a_version_is_there_when_it_is_written(tmp_path: Path) -> None:
    """Not before; what a killed run left of it is gone."""
    leftover = tmp_path / "waves" / ".1.partial"
    leftover.mkdir(parents=True)
    (leftover / "half").touch()
    with new_version(tmp_path / "waves") as (folder, version):
        assert version == 1
        assert list(folder.iterdir()) == []
        (folder / "whole").touch()
        assert not (tmp_path / "waves" / "1").exists()
    assert [path.relative_to(tmp_path / "waves").as_posix() for path in (tmp_path / "waves").rglob("*")] == [
        "1",
        "1/whole",
    ]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """Neither a version nor half of one."""

    def write() -> None:
        with new_version(tmp_path) as (folder, _):
            (folder / "half").touch()
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write()
    assert list(tmp_path.iterdir()) == []
