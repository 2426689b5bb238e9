"""A new version is on the shelf as a whole, or not at all, whatever other processes do."""

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
    """Take every version for whole."""


def _names(shelf: Path) -> list[str]:
    return sorted(path.relative_to(shelf).as_posix() for path in shelf.rglob("*"))


def _write(shelf: Path) -> int:
    with new_version(shelf, accept) as (folder, version):
        (folder / "whole").touch()
    return version


def test_versions_count_up(tmp_path: Path) -> None:
    """From the highest plain number, whatever else is there; an empty shelf begins with 1."""
    assert next_version(tmp_path) == 1
    for name in ("2", "10", "notes", ".11.partial", "012", "0", "²", "٣٣", "11 ", "+12"):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == 11


def test_a_version_is_there_when_it_is_written(tmp_path: Path) -> None:
    """Not before; what killed runs left of it and of others is gone."""
    shelf = tmp_path / "waves"
    for leftover in (".1.partial", ".7.partial"):
        (shelf / leftover).mkdir(parents=True)
        (shelf / leftover / "half").touch()
    (shelf / ".7.lock").touch()
    with new_version(shelf, accept) as (folder, version):
        assert version == 1
        assert list(folder.iterdir()) == []
        (folder / "whole").touch()
        assert not (shelf / "1").exists()
    assert _names(shelf) == ["1", "1/whole"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """Neither a version nor half of one, nor a lock."""

    def write() -> None:
        with new_version(tmp_path, accept) as (folder, _):
            (folder / "half").touch()
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_two_processes_have_numbers_of_their_own(tmp_path: Path) -> None:
    """Each publishes what it wrote, in any order; the number of one that was killed is free again."""
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


def test_many_processes_do_not_meet(tmp_path: Path) -> None:
    """Four that make ten versions each at once make forty, each with its own number in it."""
    command = [sys.executable, "-c", WRITE_MANY, str(tmp_path)]
    writers = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for writer in writers:
        assert (writer.communicate()[1], writer.returncode) == ("", 0)
    versions = {path.name: (path / "number").read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert len(versions) == 40
    assert all(name == number for name, number in versions.items())


def test_what_is_not_whole_is_withdrawn(tmp_path: Path) -> None:
    """A version that is refused after it was published is gone again, for whoever looks next."""

    def refuse(folder: Path) -> None:
        assert folder == tmp_path / "1"
        raise SealError("damaged")

    def write() -> None:
        with new_version(tmp_path, refuse) as (folder, _):
            (folder / "half").touch()

    with pytest.raises(SealError, match="damaged"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    """Nor is an empty folder, which a rename would replace: it belongs to another program."""

    def write() -> None:
        with new_version(tmp_path, accept) as (folder, version):
            (folder / "whole").touch()
            (tmp_path / str(version)).mkdir()

    with pytest.raises(SealError, match=r"/1: another program made or deleted it meanwhile; nothing was pub"):
        write()
    assert _names(tmp_path) == ["1"]


def test_a_shelf_that_vanishes_is_one_line(tmp_path: Path) -> None:
    """Deleted as a whole while a version is written, with its claim, it is not made again."""
    shelf = tmp_path / "waves"

    def write() -> None:
        with new_version(shelf, accept) as (folder, _):
            folder.rmdir()
            (shelf / ".1.lock").unlink()
            shelf.rmdir()

    with pytest.raises(
        StorageError, match=r"cannot be written \(No such file or directory\); create the folder"
    ):
        write()


def test_a_stopped_process_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process chooses its number and does not come to an end, a line says which."""
    monkeypatch.setattr("training.artifact.version_folder.LOCK_SECONDS", 0.1)
    with (
        locked(tmp_path / ".lock", folder=tmp_path, remedy=""),
        pytest.raises(LockHeld, match=r"in use by process .*; wait until it has ended"),
    ):
        _write(tmp_path)
    assert _write(tmp_path) == 1


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """Where not even a lock can be written, nothing is left, and later the number is still free."""
    with largest_file(0), pytest.raises(StorageError, match=r"\.lock: cannot be written \(File too large\)"):
        _write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert _write(tmp_path) == 1
