"""Objects as files of a local folder, which may be a mount that several machines share."""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from app.errors import ObjectConflict, ObjectMissing, StoreDenied, StoreError
from app.store.base import CONFLICT, MAX_READ_BYTES, Children, StoredContent, StoredObject, check_path
from app.system.regular_file import open_regular

_CHUNK_BYTES = 1024 * 1024
# Objects that are read in pieces.
_ANY_SIZE = 2**63
# Files that are being written, and the lock of `replace`; no objects.
_PARTIAL = ".partial"
_LOCK = ".store.lock"


class FolderStore:
    """A store in a folder, which the first write creates. See `Store` for the methods.

    A write is synced to disk and then renamed. `replace` is atomic among processes that use this class.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = str(folder)

    def read(self, path: str, *, max_bytes: int = MAX_READ_BYTES) -> StoredContent:
        """Content and etag in one call; see `Store`."""
        with self._errors(path), open_regular(self._file(path), max_bytes=max_bytes) as file:
            return StoredContent(file.read(), _etag(os.fstat(file.fileno())))

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """A part of an object; see `Store`."""
        with self._errors(path), self._open(path) as file:
            file.seek(start)
            return file.read(length)

    def stream(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """The content in pieces; see `Store`."""
        with self._errors(path), self._open(path) as file:
            file.seek(start)
            while piece := file.read(_CHUNK_BYTES):
                yield piece

    def find(self, path: str) -> StoredObject | None:
        """An object without its content, or None; see `Store`."""
        try:
            with self._errors(path):
                return self._object(path) if self._file(path).is_file() else None
        except ObjectMissing:
            return None

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """All objects below a folder; see `Store`."""
        found = self.children(prefix)
        yield from found.objects
        for name in found.folders:
            yield from self.list(f"{prefix}/{name}" if prefix else name)

    def children(self, prefix: str = "") -> Children:
        """What is directly below a folder; see `Store`."""
        folder = self._folder / check_path(prefix) if prefix else self._folder
        folders, objects = [], []
        with self._errors(prefix):
            try:
                entries = sorted(folder.iterdir())
            except (FileNotFoundError, NotADirectoryError):
                return Children((), ())
            for entry in entries:
                if entry.is_dir():
                    folders.append(entry.name)
                elif entry.is_file() and not _is_own(entry.name):
                    with suppress(FileNotFoundError):  # deleted since it was listed
                        objects.append(self._object(f"{prefix}/{entry.name}" if prefix else entry.name))
        return Children(tuple(folders), tuple(objects))

    def create(self, path: str, content: bytes | Path) -> str:
        """Write a new object; see `Store`."""
        with self._errors(path), self._written(path, content) as new:
            try:
                os.link(new, self._file(path))  # unlike a rename, it replaces nothing
            except FileExistsError as error:
                raise ObjectConflict(f"{self._file(path)}: {CONFLICT}") from error
            return _etag(new.stat())

    def replace(self, path: str, content: bytes, *, etag: str) -> str:
        """Replace an object that has not changed; see `Store`."""
        with self._errors(path), self._written(path, content) as new, self._lock():
            file = self._file(path)
            if not file.is_file() or _etag(file.stat()) != etag:
                raise ObjectConflict(f"{file}: {CONFLICT}")
            return self._renamed(new, file)

    def overwrite(self, path: str, content: bytes | Path) -> str:
        """Write an object whether it exists or not; see `Store`."""
        with self._errors(path), self._written(path, content) as new, self._lock():
            return self._renamed(new, self._file(path))

    def delete(self, path: str) -> None:
        """Delete an object; see `Store`."""
        with self._errors(path), self._lock():
            self._file(path).unlink(missing_ok=True)

    def _file(self, path: str) -> Path:
        return self._folder / check_path(path)

    def _open(self, path: str) -> BufferedReader:
        return open_regular(self._file(path), max_bytes=_ANY_SIZE)

    def _object(self, path: str) -> StoredObject:
        status = self._file(path).stat()
        return StoredObject(path, status.st_size, _etag(status))

    @contextmanager
    def _written(self, path: str, content: bytes | Path) -> Iterator[Path]:
        """A complete file beside the object, which is deleted if it is not renamed."""
        target = self._file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{uuid.uuid4().hex}{_PARTIAL}")
        try:
            with new.open("wb") as file:
                if isinstance(content, Path):
                    with content.open("rb") as source:
                        while piece := source.read(_CHUNK_BYTES):
                            file.write(piece)
                else:
                    file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield new
        finally:
            new.unlink(missing_ok=True)

    def _renamed(self, new: Path, file: Path) -> str:
        etag = _etag(new.stat())
        new.replace(file)
        return etag

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / _LOCK).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        place = f"{self.url}/{path}" if path else self.url
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ObjectMissing(f"{place}: does not exist") from error
        except PermissionError as error:
            raise StoreDenied(f"{place}: {error.strerror}; change its owner or mode") from error
        except OSError as error:
            reason = error.strerror or os.strerror(errno.EIO)
            raise StoreError(f"{place}: cannot be used ({reason})") from error


def _etag(status: os.stat_result) -> str:
    # Every write makes a new file; its time differs even where the number of a deleted file is used again.
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"


def _is_own(name: str) -> bool:
    return name == _LOCK or (name.startswith(".") and name.endswith(_PARTIAL))
