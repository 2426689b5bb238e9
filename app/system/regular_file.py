"""Opens only regular files, for names that come from outside.

Opening a FIFO waits for a writer, opening a device may have effects, and reading from either may never end.
Only the standard library: the command line and the supervisor use this.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: Path, *, max_bytes: int) -> BufferedReader:
    """Open a regular file for reading; a symbolic link to one is followed.

    Args:
        path: of the file.
        max_bytes: maximum size of the file.

    Raises:
        OSError: it is not a regular file, it is too large, or it cannot be opened; see `strerror`.
    """
    _check(path, path.stat(), max_bytes)
    # The file may have been replaced since the check: O_NONBLOCK opens a FIFO without a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check(path, os.fstat(descriptor), max_bytes)
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, *, max_bytes: int) -> bytes:
    """The content of a regular file of at most `max_bytes` bytes; raises as `open_regular` does."""
    with open_regular(path, max_bytes=max_bytes) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:  # the file has grown since the check
        raise _too_large(path, len(content), max_bytes)
    return content


def _check(path: Path, status: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if status.st_size > max_bytes:
        raise _too_large(path, status.st_size, max_bytes)


def _too_large(path: Path, size: int, max_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"too large: {size:,} bytes of at most {max_bytes:,}", str(path))
