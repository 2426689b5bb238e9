"""The versions of an artifact, side by side: a new one is there as a whole, or not at all.

Several processes may make versions of one artifact at once. Each claims a number of its own by a lock that
lasts as long as its process, so what a killed process left is told from what a running one still writes.
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

CLAIM = re.compile(r"\.([0-9]+)\.(?:lock|partial)")
# Numbers are chosen, and versions renamed, in milliseconds; a process that was stopped there holds up others.
LOCK_SECONDS = 30.0


@contextmanager
def new_version(shelf: Path, check: Callable[[Path], object]) -> Iterator[tuple[Path, int]]:
    """A folder to write the next version into, and its number; it is published when the block ends well.

    The folder is beside its destination, and forced to disk before it is renamed. A killed run, or a machine
    that loses power, leaves no half version.

    Args:
        shelf: `<folder of artifacts>/<name>`; made where there is none.
        check: raises if a version folder is not whole. A published version that it refuses is withdrawn.

    Raises:
        LockHeld: another process chooses a number, and does not come to an end.
        SealError: another process has touched the version; nothing was published.
        StorageError: the folder cannot be written; nothing was published.
    """
    claim, version = _claim(shelf)
    folder = _partial(shelf, version)
    try:
        with storage_errors(folder):
            folder.mkdir()
        yield folder, version
        with storage_errors(folder):
            sync_tree(folder)
        with _turn(shelf):
            _publish(folder, shelf / str(version), claim, check)
    finally:
        if claim.is_at_path():  # else the folder is another process'
            shutil.rmtree(folder, ignore_errors=True)
        claim.release()


def next_version(shelf: Path) -> int:
    """One more than the highest version on an artifact's shelf."""
    return 1 + max((version_number(child.name) or 0 for child in shelf.iterdir()), default=0)


def _claim(shelf: Path) -> tuple[Lock, int]:
    with _turn(shelf), storage_errors(shelf):
        version = max([next_version(shelf), *(number + 1 for number in _claimed(shelf))])
        while (lock := try_lock(_claim_file(shelf, version))) is None:
            version += 1
        return lock, version


def _claimed(shelf: Path) -> list[int]:
    """Numbers that running processes have claimed, in any order; what killed ones left is removed."""
    claims = (match[1] for child in shelf.iterdir() if (match := CLAIM.fullmatch(child.name)))
    numbers = {number for name in claims if (number := version_number(name))}
    return [number for number in numbers if not _remove_stale(shelf, number)]


def _remove_stale(shelf: Path, number: int) -> bool:
    lock = try_lock(_claim_file(shelf, number))
    if lock is None:
        return False
    shutil.rmtree(_partial(shelf, number), ignore_errors=True)
    lock.release()
    return True


def _publish(folder: Path, version: Path, claim: Lock, check: Callable[[Path], object]) -> None:
    # A rename would replace an empty folder. The claim is gone where somebody deleted all of the shelf.
    if os.path.lexists(version) or not claim.is_at_path():
        raise SealError(
            f"{version}: another program made or deleted it meanwhile; nothing was published; "
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
                f"{version}: not whole, and cannot be withdrawn ({short_reason(error)}); delete it"
            ) from problem
        raise


def _turn(shelf: Path) -> AbstractContextManager[None]:
    """The lock under which numbers are chosen and versions renamed."""
    remedy = "wait until it has ended, then run the same command again"
    return locked(shelf / ".lock", folder=shelf, remedy=remedy, seconds=LOCK_SECONDS)


def _claim_file(shelf: Path, version: int) -> Path:
    return shelf / f".{version}.lock"


def _partial(shelf: Path, version: int) -> Path:
    return shelf / f".{version}.partial"
