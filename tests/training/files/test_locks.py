"""Locks between real processes."""

from __future__ import annotations

import re
import socket
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.training.faults import process
from training.errors import LockHeld, StorageError
from training.files.locks import locked, try_lock

HOLD = """
import sys, time
from pathlib import Path
from training.files.locks import locked
with locked(Path(sys.argv[1]), folder=Path("x"), remedy="x"):
    print("held", flush=True)
    sys.stdin.read()
"""


def _lock(path: Path, *, seconds: float = 0) -> None:
    with locked(path, folder=Path("runs/waves"), remedy="wait", seconds=seconds):
        pass


def test_the_error_names_the_owner(tmp_path: Path) -> None:
    """The error names process, host and time; the owner keeps its lock."""
    path = tmp_path / "lock"
    with process(HOLD, path) as holder:
        with pytest.raises(LockHeld) as caught:
            _lock(path)
        found = re.fullmatch(
            r"runs/waves: in use by process (\d+) on (\S+) since (.+); wait", str(caught.value)
        )
        assert found
        assert (int(found[1]), found[2]) == (holder.pid, socket.gethostname())
        age = datetime.now().astimezone() - datetime.strptime(found[3], "%Y-%m-%d %H:%M:%S").astimezone()
        assert timedelta(seconds=-1) < age < timedelta(minutes=5)
        assert path.is_file()
        assert holder.stdin is not None
        holder.stdin.close()
        assert holder.wait() == 0
        assert not path.exists()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    """The file that it leaves is not locked; the next owner removes it."""
    path = tmp_path / "lock"
    with process(HOLD, path) as holder:
        holder.kill()
        holder.wait()
        assert path.is_file()
    _lock(path)
    assert list(tmp_path.iterdir()) == []


def test_one_waits_for_a_holder_that_ends(tmp_path: Path) -> None:
    """A lock that is released within the waiting time is acquired."""
    path = tmp_path / "lock"
    with process(HOLD, path) as holder:
        assert holder.stdin is not None
        holder.stdin.close()
        _lock(path, seconds=60)


def test_a_deleted_file_is_no_lock(tmp_path: Path) -> None:
    """Its owner notices, and does not remove the file that another process has locked since."""
    path = tmp_path / "lock"
    first = try_lock(path)
    assert first is not None
    assert try_lock(path) is None
    path.unlink()
    assert not first.is_at_path()
    second = try_lock(path)
    assert second is not None
    first.release()
    assert second.is_at_path()
    second.release()


def test_the_error_names_the_path(tmp_path: Path) -> None:
    """A missing folder, and a file in place of a folder, give one line each."""
    with pytest.raises(
        StorageError, match=r"gone/lock: cannot be written \(No such file or directory\); create"
    ):
        try_lock(tmp_path / "gone" / "lock")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file: cannot be written \(File exists\); remove the file"):
        _lock(tmp_path / "file" / "lock")
