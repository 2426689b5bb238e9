"""Locks between processes. The kernel releases a lock when its process ends, also if it is killed.

The owner of a lock removes the lock file. A killed owner leaves an unlocked file.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from training.errors import LockHeld
from training.files.write_errors import storage_error, storage_errors

POLL_SECONDS = 0.05
MAX_BYTES = 200


@dataclass(frozen=True, slots=True)
class Lock:
    """A file that this process has locked.

    Attributes:
        path: of the lock file.
        descriptor: of the open file; closing it releases the lock.
    """

    path: Path
    descriptor: int

    def is_at_path(self) -> bool:
        """Whether the locked file is still at its path: neither deleted nor replaced."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self.path.stat())
        except OSError:
            return False

    def write_owner(self) -> None:
        """Write process, host and time into the file, for `lock_owner`."""
        now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"process {os.getpid()} on {socket.gethostname()} since {now}".encode(), 0)

    def release(self) -> None:
        """Remove the file and release the lock."""
        # A file that cannot be removed stays as an unlocked file.
        with suppress(OSError):
            if self.is_at_path():
                self.path.unlink()
        os.close(self.descriptor)


def try_lock(path: Path) -> Lock | None:
    """Lock a file, creating it if needed; None if another process has locked it.

    Raises:
        StorageError: the file cannot be created, or its file system has no locks.
    """
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise storage_error(error, path) from error
        lock = Lock(path, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise storage_error(error, path) from error
        if lock.is_at_path():
            return lock
        os.close(descriptor)  # its owner removed it after it was opened here


@contextmanager
def locked(path: Path, *, folder: Path, remedy: str, seconds: float = 0) -> Iterator[None]:
    """Hold a lock during the block.

    Args:
        path: of the lock file; its folder is created if needed.
        folder: named in the error.
        remedy: what the user can do, as the end of the error.
        seconds: to wait for the lock.

    Raises:
        LockHeld: another process holds it; the error names the process, host and time.
        StorageError: the file cannot be written.
    """
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    while (lock := try_lock(path)) is None:
        if time.monotonic() >= deadline:
            raise LockHeld(f"{folder}: in use by {lock_owner(path)}; {remedy}")
        time.sleep(POLL_SECONDS)
    try:
        with storage_errors(path):
            lock.write_owner()
        yield
    finally:
        lock.release()


def lock_owner(path: Path) -> str:
    """The owner of a lock as it wrote it: process, host and time."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("ascii", errors="replace")
    except OSError:
        text = ""
    return text if text.isprintable() and text else "another process"
