"""Paths that are not readable files, by the function that creates each."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

Make = Callable[[Path], object]

NOT_REGULAR = "not a regular file"


def put(path: Path, make: Make) -> None:
    """Create it at a path."""
    path.unlink(missing_ok=True)
    make(path)


def sparse(path: Path) -> None:
    """Create a sparse file of 10 GB."""
    path.touch()
    os.truncate(path, 10 * 10**9)


# By name: what makes it, and what an error says of it.
KINDS: dict[str, tuple[Make, str]] = {
    "folder": (Path.mkdir, NOT_REGULAR),
    "FIFO": (os.mkfifo, NOT_REGULAR),
    "link to a FIFO": (lambda path: _linked(path, os.mkfifo), NOT_REGULAR),
    "socket": (lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), NOT_REGULAR),
    "endless device": (lambda path: path.symlink_to("/dev/zero"), NOT_REGULAR),
    "link to nowhere": (lambda path: path.symlink_to("nowhere"), "No such file or directory"),
    "link to itself": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    "10 GB": (sparse, "too large: 10,000,000,000 bytes"),
}


def _linked(path: Path, make: Make) -> None:
    target = path.with_name(f"{path.name}.target")
    make(target)
    path.symlink_to(target.name)
