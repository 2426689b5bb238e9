"""Reads files of an artifact; every problem is an `ArtifactError` of one line that names the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import ArtifactError
from app.system.regular_file import open_regular, read_regular

# Limit for files that are only hashed.
MAX_FILE_BYTES = 2 * 1024 * 1024 * 1024


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn an `OSError` into an `ArtifactError` that names the path."""
    try:
        yield
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error


def read_file(path: Path, *, most: int) -> bytes:
    """The content of a regular file.

    Args:
        path: of the file.
        most: largest size in bytes.

    Raises:
        ArtifactError: it cannot be read, is not a regular file or is too large.
    """
    with readable(path):
        return read_regular(path, max_bytes=most)


def sha256_of(path: Path, *, most: int = MAX_FILE_BYTES) -> str:
    """SHA-256 of a regular file's content, in hexadecimal; raises as `read_file` does."""
    with readable(path), open_regular(path, max_bytes=most) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
