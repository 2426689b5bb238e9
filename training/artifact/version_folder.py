"""The versions of an artifact in one folder: a new version is published completely or not at all.

Several processes may make versions of one artifact at once. Each reserves a number with a lock that lasts as
long as the process, so leftovers of a killed process can be told from the folder of a running one.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from app.contract import version_number
from training.errors import SealError, StorageError
from training.files.locks import Lock, locked, try_lock
from training.files.storage import sync_folder, sync_tree
from training.files.write_errors import short_reason, storage_errors

RESERVATION = re.compile(r"\.([0-9]+)\.(?:lock|partial)")
# Choosing a number and renaming a version take milliseconds; a stopped process may hold the lock longer.
LOCK_SECONDS = 30.0


@contextmanager
def new_version(artifact_folder: Path, check: Callable[[Path], object]) -> Iterator[tuple[Path, int]]:
    """A folder to write the next version into, and its number; published when the block ends.

    The folder is beside its destination, and is synced to disk before it is renamed. So neither a killed run
    nor a power failure leaves an incomplete version.

    Args:
        artifact_folder: `<folder of artifacts>/<name>`; created if missing.
        check: raises if a version folder is incomplete; such a version is withdrawn.

    Raises:
        LockHeld: another process has held the lock of the folder for `LOCK_SECONDS`.
        SealError: another process made or deleted the version; nothing was published.
        StorageError: the folder cannot be written; nothing was published.
    """
    reservation, version = _reserve(artifact_folder)
    folder = _partial(artifact_folder, version)
    try:
        with storage_errors(folder):
            folder.mkdir()
        yield folder, version
        with storage_errors(folder):
            sync_tree(folder)
        with _numbering_lock(artifact_folder):
            _publish(folder, artifact_folder / str(version), reservation, check)
    finally:
        if reservation.is_at_path():  # else the folder belongs to another process
            shutil.rmtree(folder, ignore_errors=True)
        reservation.release()


def next_version(artifact_folder: Path) -> int:
    """One more than the highest version in an artifact's folder."""
    return 1 + max((version_number(child.name) or 0 for child in artifact_folder.iterdir()), default=0)


def _reserve(artifact_folder: Path) -> tuple[Lock, int]:
    with _numbering_lock(artifact_folder), storage_errors(artifact_folder):
        version = max([next_version(artifact_folder), *(number + 1 for number in _reserved(artifact_folder))])
        while (lock := try_lock(_lock_file(artifact_folder, version))) is None:
            version += 1
        return lock, version


def _reserved(artifact_folder: Path) -> list[int]:
    """Numbers reserved by running processes; leftovers of killed processes are removed."""
    reservations = (
        match[1] for child in artifact_folder.iterdir() if (match := RESERVATION.fullmatch(child.name))
    )
    numbers = {number for name in reservations if (number := version_number(name))}
    return [number for number in numbers if not _remove_stale(artifact_folder, number)]


def _remove_stale(artifact_folder: Path, number: int) -> bool:
    lock = try_lock(_lock_file(artifact_folder, number))
    if lock is None:
        return False
    shutil.rmtree(_partial(artifact_folder, number), ignore_errors=True)
    lock.release()
    return True


def _publish(folder: Path, version: Path, reservation: Lock, check: Callable[[Path], object]) -> None:
    # A rename would replace an empty folder; the lock file is gone if the artifact folder was deleted.
    if os.path.lexists(version) or not reservation.is_at_path():
        raise SealError(
            f"{version}: another process made or deleted it; nothing was published; "
            "run the same command again"
        )
    with storage_errors(version):
        folder.rename(version)
    try:
        with storage_errors(version):
            sync_folder(version.parent)
        check(version)
    except BaseException as problem:
        try:
            version.rename(folder)
        except OSError as error:
            raise StorageError(
                f"{version}: incomplete, and cannot be withdrawn ({short_reason(error)}); delete it"
            ) from problem
        raise


def _numbering_lock(artifact_folder: Path) -> AbstractContextManager[None]:
    """The lock for choosing a number and for renaming a version."""
    remedy = "wait until it has ended, then run the same command again"
    return locked(artifact_folder / ".lock", folder=artifact_folder, remedy=remedy, seconds=LOCK_SECONDS)


def _lock_file(artifact_folder: Path, version: int) -> Path:
    return artifact_folder / f".{version}.lock"


def _partial(artifact_folder: Path, version: int) -> Path:
    return artifact_folder / f".{version}.partial"
