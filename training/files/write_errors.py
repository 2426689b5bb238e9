"""Storage errors in one line: the path, the reason, the remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from training.errors import StorageError

QUOTED_CHARACTERS = 80
_READ_ONLY = "make the folder writable, or choose another one"
_MISSING = "create the folder, or choose another one"
_IN_THE_WAY = "remove the file at this path, or choose another folder"
_NO_LOCKS = "choose a folder on a file system with locks"
_REMEDIES: Mapping[int | None, str] = MappingProxyType(
    {
        errno.ENOSPC: "free space on the disk",
        errno.EDQUOT: "free space in the disk quota",
        errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
        errno.EROFS: _READ_ONLY,
        errno.EACCES: _READ_ONLY,
        errno.EPERM: _READ_ONLY,
        errno.ENOENT: _MISSING,
        errno.ENOTDIR: _IN_THE_WAY,
        errno.EEXIST: _IN_THE_WAY,
        errno.ENOLCK: _NO_LOCKS,
        errno.ENOTSUP: _NO_LOCKS,
    }
)
DEFAULT_REMEDY = "check that the folder exists, is writable, and has free space on its disk"


@contextmanager
def storage_errors(path: Path, *also: type[Exception]) -> Iterator[None]:
    """Convert errors of the block into a `StorageError` that names the path.

    Args:
        path: the file or folder that the block writes.
        also: exceptions of a library to convert, besides `OSError`.
    """
    kinds: tuple[type[Exception], ...] = (OSError, *also)
    try:
        yield
    except kinds as error:
        raise storage_error(error, path) from error


def storage_error(error: Exception, path: Path | None = None) -> StorageError:
    """Build a one-line error: the file that it names, or the path; the reason; the remedy."""
    where = getattr(error, "filename", None) or path or "a file"
    remedy = _REMEDIES.get(getattr(error, "errno", None), DEFAULT_REMEDY)
    return StorageError(
        f"{where}: cannot be written ({short_reason(error)}); {remedy}, then run the same command again"
    )


def short_reason(error: Exception) -> str:
    """The reason that a library gives, in one line of at most `QUOTED_CHARACTERS`."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # OpenVINO puts a line of source code first; TensorFlow puts the path first and the operation last.
    line = lines[-1] if isinstance(error, RuntimeError) else lines[0]
    reason = line.rpartition("; ")[2].partition(" [Op:")[0].strip()[:QUOTED_CHARACTERS]
    return reason if reason.isprintable() else ascii(reason)[1:-1]
