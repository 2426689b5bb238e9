"""Locks between processes. The kernel drops them when their process ends, however it ends.

A lock is a file that its holder removes. What a killed holder leaves is a file that nobody holds.
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
from training.files.write_errors import storage_error, writing

POLL_SECONDS = 0.05
MOST_BYTES = 200


@dataclass(frozen=True, slots=True)
class Lock:
    """A file that this process has locked.

    Attributes:
        path: the file's.
        descriptor: the open file; the lock lasts until it is closed.
    """

    path: Path
    descriptor: int

    def is_at_path(self) -> bool:
        """Whether the locked file still has its name: it was not deleted, and not replaced."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self.path.stat())
        except OSError:
            return False

    def describe(self) -> None:
        """Write into the file who holds it, for `holder_of`."""
        now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"process {os.getpid()} on {socket.gethostname()} since {now}".encode(), 0)

    def release(self) -> None:
        """Remove the file and drop the lock."""
        # What cannot be removed is only a file that nobody holds.
        with suppress(OSError):
            if self.is_at_path():
                self.path.unlink()
        os.close(self.descriptor)


def try_lock(path: Path) -> Lock | None:
    """Lock a file, made where there is none; None if another process has locked it.

    Raises:
        StorageError: the file cannot be made, or its file system has no locks.
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
        os.close(descriptor)  # its holder removed it after it was opened here


@contextmanager
def locked(path: Path, *, folder: Path, remedy: str, seconds: float = 0) -> Iterator[None]:
    """Hold a lock for as long as the block runs.

    Args:
        path: of the lock's file; its folder is made where it is missing.
        folder: what the lock is for, as a user knows it.
        remedy: what a user can do about a holder, as the end of a sentence.
        seconds: to wait for the holder.

    Raises:
        LockHeld: one line that says who holds it.
        StorageError: the file cannot be written.
    """
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    while (lock := try_lock(path)) is None:
        if time.monotonic() >= deadline:
            raise LockHeld(f"{folder}: in use by {holder_of(path)}; {remedy}")
        time.sleep(POLL_SECONDS)
    try:
        with writing(path):
            lock.describe()
        yield
    finally:
        lock.release()


def holder_of(path: Path) -> str:
    """Who holds a lock: process, host and since when, as the holder wrote it."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("ascii", errors="replace")
    except OSError:
        text = ""
    return text if text.isprintable() and text else "another process"
