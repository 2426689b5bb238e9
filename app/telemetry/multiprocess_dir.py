"""The folder that several workers keep their metrics in: made anew for each server, and gone after it.

A server that is killed cannot delete its own. The next one does, if everybody is dead who might use it: each
process of a server holds a lock on a file in there, which the system lets go of at its end. Only the standard
library: the supervisor uses this.
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
    """A new folder; those that killed servers left are deleted.

    Raises:
        OSError: there is no room for it.
    """
    _clear_away(Path(gettempdir()))
    with TemporaryDirectory(prefix=PREFIX) as folder:
        descriptor = _make_lock(Path(folder))
        try:
            yield folder
        finally:
            os.close(descriptor)


def hold(folder: Path) -> None:
    """Have this process, to its end, keep a folder from being deleted by others."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # not one that `metrics_folder` made
        return
    # Never closed: its end is the end of the process. Nobody else wants it alone who has a living supervisor.
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _make_lock(folder: Path) -> int:
    """Lock a file before it has its name: whoever finds it there finds it locked. Its descriptor."""
    hidden = folder / f".{LOCK}"
    descriptor = os.open(hidden, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        hidden.rename(folder / LOCK)
    except OSError as error:  # a file system without locks
        log.warning("%s: cannot be locked, and will be left if this server is killed: %s", folder, error)
    return descriptor


def _clear_away(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            if _is_left(folder):
                shutil.rmtree(folder)
                log.info("%s: left by a server that was killed, and deleted", folder)
        except OSError as error:  # deleted by another server meanwhile, or nobody may
            log.debug("%s: left where it is: %s", folder, error)


def _is_left(folder: Path) -> bool:
    """Whether it is ours, and nobody lives who holds it. Where there is no lock, there is no telling."""
    status = folder.lstat()
    if status.st_uid != os.getuid() or folder.is_symlink():
        return False
    # Not ours may be anything: a FIFO would be waited for.
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
