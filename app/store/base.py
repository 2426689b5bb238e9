"""The interface of a store.

All calls block. A path is relative to the store's URL: names joined by `/`, none of them empty, `.` or `..`.
Every error is a `StoreError` of one line that names the URL without credentials.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.errors import StoreError

# Limit of `read`: documents, not models.
MAX_READ_BYTES = 64 * 1024 * 1024
# What a failed condition means: S3 does not say which of both it was.
CONFLICT = "exists or has changed since it was read; nothing was written"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object without its content.

    Attributes:
        path: relative to the store.
        size: in bytes.
        etag: differs after each change of the content; empty where an HTTP server sends none.
    """

    path: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class StoredContent:
    """The content of an object, and the etag that it had when it was read."""

    content: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Children:
    """What is directly below a prefix.

    Attributes:
        folders: names of the next part of longer paths.
        objects: of the prefix itself.
    """

    folders: tuple[str, ...]
    objects: tuple[StoredObject, ...]


class Store(Protocol):
    """A folder of objects; several processes on several machines may use it at once.

    Attributes:
        url: of the store, without credentials, for messages.
    """

    url: str

    def read(self, path: str, *, max_bytes: int = MAX_READ_BYTES) -> StoredContent:
        """The content of an object.

        Raises:
            ObjectMissing: it does not exist.
            StoreError: it has more than `max_bytes` bytes, or cannot be read.
        """

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on; fewer at the end of the object."""

    def stream(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """The content from `start` on, in pieces as they arrive.

        Raises:
            ObjectMissing: it does not exist.
            StoreUnsupported: `start` is not 0, and the server sends whole objects only.
            StoreUnavailable: the connection broke; the pieces before it are valid.
        """

    def find(self, path: str) -> StoredObject | None:
        """An object without its content; None if it does not exist."""

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """All objects below a folder, in all folders of it, in any order; none if it does not exist.

        Raises:
            StoreUnsupported: the store has no list (HTTP).
        """

    def children(self, prefix: str = "") -> Children:
        """The folders and objects directly below a folder, sorted by name; raises as `list` does."""

    def create(self, path: str, content: bytes | Path) -> str:
        """Write a new object, whole or not at all; the result is its etag.

        Args:
            path: of the object.
            content: its bytes, or a file that has them; of a file, all bytes are in memory during the call.

        Raises:
            ObjectConflict: it exists.
        """

    def replace(self, path: str, content: bytes, *, etag: str) -> str:
        """Replace an object that still has this etag; the result is the new etag.

        Raises:
            ObjectConflict: it has another etag, or does not exist.
        """

    def overwrite(self, path: str, content: bytes | Path) -> str:
        """Write an object, whole or not at all, whether it exists or not; the result is its etag."""

    def delete(self, path: str) -> None:
        """Delete an object; nothing happens if it does not exist."""


def check_path(path: str) -> str:
    """The path, if it is one of an object.

    Raises:
        StoreError: it has an empty name, `.` or `..`: it would leave the store.
    """
    if any(name in ("", ".", "..") for name in path.split("/")) or "\0" in path:
        raise StoreError(f"{path[:200]!a}: not the path of an object; use names joined by single slashes")
    return path
