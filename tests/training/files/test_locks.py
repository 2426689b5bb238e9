"""Locks between real processes: one holds it, the other says who, and a killed one holds nothing."""

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


def test_who_holds_it_is_said_in_one_line(tmp_path: Path) -> None:
    """Process, host, and since when; nothing of the holder's is touched."""
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
    """The file that it leaves is in nobody's way, and goes with the next holder."""
    path = tmp_path / "lock"
    with process(HOLD, path) as holder:
        holder.kill()
        holder.wait()
        assert path.is_file()
    _lock(path)
    assert list(tmp_path.iterdir()) == []


def test_one_waits_for_a_holder_that_ends(tmp_path: Path) -> None:
    """With time to wait, a lock that is released meanwhile is taken."""
    path = tmp_path / "lock"
    with process(HOLD, path) as holder:
        assert holder.stdin is not None
        holder.stdin.close()
        _lock(path, seconds=60)


def test_a_deleted_file_is_no_lock(tmp_path: Path) -> None:
    """Its holder knows, and removes nothing that another process has locked in its place."""
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


def test_what_cannot_be_locked_is_named(tmp_path: Path) -> None:
    """A folder that is gone, and one that is a file, are one line each."""
    with pytest.raises(
        StorageError, match=r"gone/lock: cannot be written \(No such file or directory\); make"
    ):
        try_lock(tmp_path / "gone" / "lock")
    (tmp_path / "file").touch()
    with pytest.raises(
        StorageError, match=r"file: cannot be written \(File exists\); remove what is in its place"
    ):
        _lock(tmp_path / "file" / "lock")
