"""What prevents a file from being written, as one line: the file, the reason, the remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from training.errors import StorageError

QUOTED_CHARACTERS = 80
_CHOOSE = "make the folder writable, or choose another one"
_MISSING = "make sure that the folder is there, or choose another one"
_IN_THE_WAY = "remove what is in its place, or choose another folder"
_NO_LOCKS = "its file system has no locks: choose a folder on another one"
_REMEDIES: Mapping[int | None, str] = MappingProxyType(
    {
        errno.ENOSPC: "make room on its disk",
        errno.EDQUOT: "make room in the quota of its disk",
        errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
        errno.EROFS: _CHOOSE,
        errno.EACCES: _CHOOSE,
        errno.EPERM: _CHOOSE,
        errno.ENOENT: _MISSING,
        errno.ENOTDIR: _IN_THE_WAY,
        errno.EEXIST: _IN_THE_WAY,
        errno.ENOLCK: _NO_LOCKS,
        errno.ENOTSUP: _NO_LOCKS,
    }
)
UNKNOWN = "check that the folder is there, can be written, and has room on its disk"


@contextmanager
def writing(path: Path, *also: type[Exception]) -> Iterator[None]:
    """Raise what goes wrong while a path is written as a `StorageError` that names it.

    Args:
        path: what is written: a file, or a folder of files.
        also: what a library raises for it besides `OSError`.
    """
    kinds: tuple[type[Exception], ...] = (OSError, *also)
    try:
        yield
    except kinds as error:
        raise storage_error(error, path) from error


def storage_error(error: Exception, path: Path | None = None) -> StorageError:
    """The one line on an error: the file if it names one, else the path; the reason; the remedy."""
    where = getattr(error, "filename", None) or path or "a file"
    remedy = _REMEDIES.get(getattr(error, "errno", None), UNKNOWN)
    return StorageError(
        f"{where}: cannot be written ({short_reason(error)}); {remedy}, then call it again in the same way"
    )


def short_reason(error: Exception) -> str:
    """What a library says went wrong, on one line and short."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # OpenVINO begins with a line of its source code; TensorFlow puts the path first and the operation last.
    line = lines[-1] if isinstance(error, RuntimeError) else lines[0]
    reason = line.rpartition("; ")[2].partition(" [Op:")[0].strip()[:QUOTED_CHARACTERS]
    return reason if reason.isprintable() else ascii(reason)[1:-1]
