"""Writing files so that they are there whole or not at all, even after the machine lost power.

A file is written beside its place, forced to disk, and renamed. Whatever prevents that is one line.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from training.errors import StorageError
from training.files.locks import Lock, try_lock
from training.files.write_errors import storage_error, writing


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write new content of a path into; it takes the path's place when the block ends well.

    Any number of processes may do so at once: each has a file of its own, and the last one to end wins.

    Raises:
        StorageError: it cannot be written; what was there before still is, and nothing else.
    """
    with writing(path):
        remove_stale(path)
        lock = _partial_of(path)
        try:
            with os.fdopen(os.dup(lock.descriptor), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            lock.path.replace(path)
            sync_folder(path.parent)
        finally:
            lock.release()


def write_text(path: Path, text: str) -> None:
    """Replace a text file, as `replacing` does."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def remove_stale(path: Path) -> None:
    """Remove what killed processes left of new content of a path; that of running processes stays."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with suppress(StorageError):
            if lock := try_lock(partial):
                lock.release()


def sync_tree(folder: Path) -> None:
    """Force a folder and all files in it to disk."""
    for path in folder.rglob("*"):
        if not path.is_dir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    for path in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        sync_folder(path)


def sync_folder(folder: Path) -> None:
    """Force to disk which names a folder has: a rename, say."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot do it for folders; they keep names in order themselves.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def check_writable(folder: Path) -> None:
    """Check that a folder can be written, or made where there is none yet.

    A run learns so in its first second what would otherwise stop it after the last epoch.

    Raises:
        StorageError: it cannot.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise storage_error(NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there)))
    if not os.access(there, os.W_OK | os.X_OK):
        read_only = os.statvfs(there).f_flag & os.ST_RDONLY
        number = errno.EROFS if read_only else errno.EACCES
        raise storage_error(OSError(number, os.strerror(number), str(there)))


def _partial_of(path: Path) -> Lock:
    while True:
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        # None if another process takes it for a leftover at this very moment, and removes it.
        if lock := try_lock(partial):
            return lock
