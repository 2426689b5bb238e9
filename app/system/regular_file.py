"""Opening a file whose name comes from outside: regular files are opened, and nothing else is.

Opening a FIFO waits for somebody who writes into it, opening a device may do something, and neither has an
end.
Only the standard library: the command line and the supervisor use this.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: Path, *, most: int) -> BufferedReader:
    """Open a regular file for reading; a symbolic link to one is followed.

    Args:
        path: of the file.
        most: bytes that it may have.

    Raises:
        OSError: `strerror` says why not: it is no regular file, it is too large, or what the system says.
    """
    _check(path, path.stat(), most)
    # It may have been replaced since: opened like this, a FIFO waits for nobody.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check(path, os.fstat(descriptor), most)
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, *, most: int) -> bytes:
    """The content of a regular file of at most so many bytes; raises as `open_regular` does."""
    with open_regular(path, most=most) as file:
        content = file.read(most + 1)
    if len(content) > most:  # it has grown meanwhile
        raise _too_large(path, len(content), most)
    return content


def _check(path: Path, status: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if status.st_size > most:
        raise _too_large(path, status.st_size, most)


def _too_large(path: Path, size: int, most: int) -> OSError:
    return OSError(errno.EFBIG, f"too large: {size:,} bytes of at most {most:,}", str(path))
