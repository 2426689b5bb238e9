"""A new version is published completely or not at all, whatever other processes do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.training.faults import largest_file, process
from training.artifact.version_folder import new_version, next_version
from training.errors import LockHeld, SealError, StorageError
from training.files.locks import locked

WRITE = """
import sys
from pathlib import Path
from training.artifact.version_folder import new_version
with new_version(Path(sys.argv[1]), lambda folder: None) as (folder, version):
    (folder / "half").touch()
    print(version, flush=True)
    sys.stdin.read()
    (folder / "half").rename(folder / "whole")
"""
WRITE_MANY = """
import sys
from pathlib import Path
from training.artifact.version_folder import new_version
for _ in range(10):
    with new_version(Path(sys.argv[1]), lambda folder: None) as (folder, version):
        assert list(folder.iterdir()) == []
        (folder / "number").write_text(str(version))
"""


def accept(_: Path) -> None:
    """Accept any version."""


def _names(artifact_folder: Path) -> list[str]:
    return sorted(path.relative_to(artifact_folder).as_posix() for path in artifact_folder.rglob("*"))


def _write(artifact_folder: Path) -> int:
    with new_version(artifact_folder, accept) as (folder, version):
        (folder / "whole").touch()
    return version


def test_versions_count_up(tmp_path: Path) -> None:
    """Versions continue from the highest number, whatever else is there; the first is 1."""
    assert next_version(tmp_path) == 1
    for name in ("2", "10", "notes", ".11.partial", "012", "0", "²", "٣٣", "11 ", "+12"):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == 11


def test_a_version_is_there_when_it_is_written(tmp_path: Path) -> None:
    """A version appears only when complete; leftovers of killed runs are removed."""
    artifact_folder = tmp_path / "waves"
    for leftover in (".1.partial", ".7.partial"):
        (artifact_folder / leftover).mkdir(parents=True)
        (artifact_folder / leftover / "half").touch()
    (artifact_folder / ".7.lock").touch()
    with new_version(artifact_folder, accept) as (folder, version):
        assert version == 1
        assert list(folder.iterdir()) == []
        (folder / "whole").touch()
        assert not (artifact_folder / "1").exists()
    assert _names(artifact_folder) == ["1", "1/whole"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """A failure leaves no version, no partial folder and no lock."""

    def write() -> None:
        with new_version(tmp_path, accept) as (folder, _):
            (folder / "half").touch()
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_two_processes_have_numbers_of_their_own(tmp_path: Path) -> None:
    """Each process publishes its own version, in any order; the number of a killed one is reused."""
    with process(WRITE, tmp_path) as one, process(WRITE, tmp_path) as other:
        assert _write(tmp_path) == 3
        for writer in (other, one):
            assert writer.stdin is not None
            writer.stdin.close()
            assert writer.wait() == 0
    assert _names(tmp_path) == ["1", "1/whole", "2", "2/whole", "3", "3/whole"]
    with process(WRITE, tmp_path) as killed:
        killed.kill()
        killed.wait()
        assert (tmp_path / ".4.partial" / "half").exists()
    assert _write(tmp_path) == 4
    assert ".4.partial" not in _names(tmp_path)


def test_many_processes_get_different_numbers(tmp_path: Path) -> None:
    """Four processes that make 10 versions each make 40 versions with the right numbers."""
    command = [sys.executable, "-c", WRITE_MANY, str(tmp_path)]
    writers = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for writer in writers:
        assert (writer.communicate()[1], writer.returncode) == ("", 0)
    versions = {path.name: (path / "number").read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert len(versions) == 40
    assert all(name == number for name, number in versions.items())


def test_an_incomplete_version_is_withdrawn(tmp_path: Path) -> None:
    """A version that fails the check after publication is removed."""

    def refuse(folder: Path) -> None:
        assert folder == tmp_path / "1"
        raise SealError("damaged")

    def write() -> None:
        with new_version(tmp_path, refuse) as (folder, _):
            (folder / "half").touch()

    with pytest.raises(SealError, match="damaged"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_version_is_never_replaced(tmp_path: Path) -> None:
    """Even an empty folder, which a rename would replace, stays."""

    def write() -> None:
        with new_version(tmp_path, accept) as (folder, version):
            (folder / "whole").touch()
            (tmp_path / str(version)).mkdir()

    with pytest.raises(SealError, match=r"/1: another process made or deleted it; nothing was pub"):
        write()
    assert _names(tmp_path) == ["1"]


def test_an_artifact_folder_that_vanishes_is_one_line(tmp_path: Path) -> None:
    """An artifact folder deleted during writing is not created again."""
    artifact_folder = tmp_path / "waves"

    def write() -> None:
        with new_version(artifact_folder, accept) as (folder, _):
            folder.rmdir()
            (artifact_folder / ".1.lock").unlink()
            artifact_folder.rmdir()

    with pytest.raises(
        StorageError, match=r"cannot be written \(No such file or directory\); create the folder"
    ):
        write()


def test_a_stopped_process_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another process holds the lock too long, the message names it."""
    monkeypatch.setattr("training.artifact.version_folder.LOCK_SECONDS", 0.1)
    with (
        locked(tmp_path / ".lock", folder=tmp_path, remedy=""),
        pytest.raises(LockHeld, match=r"in use by process .*; wait until it has ended"),
    ):
        _write(tmp_path)
    assert _write(tmp_path) == 1


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """If the lock cannot be written, no file is left, and the number stays free."""
    with largest_file(0), pytest.raises(StorageError, match=r"\.lock: cannot be written \(File too large\)"):
        _write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert _write(tmp_path) == 1
