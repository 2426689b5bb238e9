"""The folder for the metrics of several workers: created at the start of a server, deleted at its end.

A killed server leaves its folder. The next server deletes it if no process uses it: each process of a server
holds a lock on a file in the folder, which the system releases when the process ends. Standard library only,
because the supervisor imports this module.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

# The variable of Prometheus' client that names the folder.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "metrics-"
LOCK = "in-use"

log = logging.getLogger(__name__)


@contextmanager
def metrics_folder() -> Iterator[str]:
    """Create a folder for metrics, and delete those of killed servers.

    Raises:
        OSError: the folder cannot be created.
    """
    _delete_unused(Path(gettempdir()))
    with TemporaryDirectory(prefix=PREFIX) as folder:
        descriptor = _make_lock(Path(folder))
        try:
            yield folder
        finally:
            os.close(descriptor)


def hold_lock(folder: Path) -> None:
    """Keep other servers from deleting a folder until this process ends."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # not created by `metrics_folder`
        return
    # Never closed: released at the end of the process. While the supervisor lives, no other server can lock
    # it.
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _make_lock(folder: Path) -> int:
    """Create a lock file and return its descriptor. It is locked before it gets its name."""
    hidden = folder / f".{LOCK}"
    descriptor = os.open(hidden, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        hidden.rename(folder / LOCK)
    except OSError as error:  # a file system without locks
        log.warning("%s: cannot be locked, so it is not deleted if this server is killed: %s", folder, error)
    return descriptor


def _delete_unused(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            if _is_unused(folder):
                shutil.rmtree(folder)
                log.info("%s: deleted; a killed server had left it", folder)
        except OSError as error:  # another server deleted it, or no permission
            log.debug("%s: not deleted: %s", folder, error)


def _is_unused(folder: Path) -> bool:
    """Whether the folder belongs to this user and no live process uses it; False if it has no lock file."""
    status = folder.lstat()
    if status.st_uid != os.getuid() or folder.is_symlink():
        return False
    # Non-blocking: the file may be a FIFO.
    descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
