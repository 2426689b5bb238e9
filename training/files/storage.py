"""Atomic writes: after a crash or power loss, a file has its old or its new content, complete.

A file is written under a temporary name, synced to disk, and renamed. Errors are one line.
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
from training.files.write_errors import storage_error, storage_errors


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces a path when the block succeeds.

    Several processes may write at once: each has its own file, and the last one to finish wins.

    Raises:
        StorageError: it cannot be written; the previous file is unchanged, the temporary one removed.
    """
    with storage_errors(path):
        remove_stale(path)
        lock = _new_partial(path)
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
    """Replace a text file, with `atomic_write`."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))


def remove_stale(path: Path) -> None:
    """Remove temporary files of a path that killed processes left; keep those of running processes."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with suppress(StorageError):
            if lock := try_lock(partial):
                lock.release()


def sync_tree(folder: Path) -> None:
    """Sync a folder and all files in it to disk."""
    for path in folder.rglob("*"):
        if not path.is_dir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    for path in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        sync_folder(path)


def sync_folder(folder: Path) -> None:
    """Sync the entries of a folder to disk, for example after a rename."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync folders; they order renames themselves.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def check_writable(folder: Path) -> None:
    """Check that a folder can be written or created, before a run starts instead of after its last epoch.

    Raises:
        StorageError: it cannot be written.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise storage_error(NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(existing)))
    if not os.access(existing, os.W_OK | os.X_OK):
        read_only = os.statvfs(existing).f_flag & os.ST_RDONLY
        number = errno.EROFS if read_only else errno.EACCES
        raise storage_error(OSError(number, os.strerror(number), str(existing)))


def _new_partial(path: Path) -> Lock:
    while True:
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        # None if another process is just removing it as stale.
        if lock := try_lock(partial):
            return lock
